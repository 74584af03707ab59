/** Tandem's mark: an envelope between two arrows, one each way. The application icon is the same drawing. */
export function Mark({ size = 28 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 1024 1024" role="img" aria-label="Tandem">
      <rect x="32" y="32" width="960" height="960" rx="216" fill="#0b5cab" />
      <rect x="224" y="344" width="576" height="336" rx="56" fill="#ffffff" />
      <path
        d="M262 396 L512 556 L762 396"
        fill="none"
        stroke="#0b5cab"
        strokeWidth="52"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
      <path
        d="M236 216 H764 M680 128 L772 216 L680 304"
        fill="none"
        stroke="#8fd0ff"
        strokeWidth="64"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
      <path
        d="M788 808 H260 M344 720 L252 808 L344 896"
        fill="none"
        stroke="#8fd0ff"
        strokeWidth="64"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
