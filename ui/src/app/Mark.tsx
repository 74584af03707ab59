/** Tandem's mark: an envelope between two arrows that keep each other in step. */
export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 1024 1024" role="img" aria-label="Tandem">
      <rect width="1024" height="1024" rx="224" fill="#0f548c" />
      <path
        d="M236 352 H700 M620 256 L716 352 L620 448"
        fill="none"
        stroke="#9fd3ff"
        strokeWidth="84"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
      <path
        d="M788 672 H324 M404 576 L308 672 L404 768"
        fill="none"
        stroke="#ffffff"
        strokeWidth="84"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
