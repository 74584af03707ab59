import type { AlertView, ApiError } from "../bindings";

/** An action was refused or failed; carries what a person needs to know. */
export class ActionError extends Error {
  readonly details: ApiError;

  constructor(details: ApiError) {
    super(details.message);
    this.name = "ActionError";
    this.details = details;
  }
}

/**
 * Makes the one kind of error that the window shows out of whatever was thrown. The engine rejects with an `ApiError`;
 * Tauri itself (a command that is not allowed, arguments that do not fit) rejects with a plain string.
 */
export function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ActionError) return thrown.details;
  if (isApiError(thrown)) return thrown;
  if (typeof thrown === "string") return unexpected(thrown);
  if (thrown instanceof Error) return unexpected(`${thrown.name}: ${thrown.message}`);
  return unexpected(String(thrown));
}

/** The error as text for a support request. */
export function errorAsText(error: ApiError): string {
  const lines = [
    `${error.object}: ${error.message}`,
    error.remedy && `Next step: ${error.remedy}`,
    error.server_said && `Server: ${error.server_said}`,
    error.retry_at && `Tried again: ${error.retry_at}`,
    error.certificate && `Certificate: ${error.certificate.subject}, SHA-256 ${error.certificate.sha256}`,
    `Code: ${error.code}`,
  ];
  return lines.filter(Boolean).join("\n");
}

/** An alert as text for whoever runs the server, or for a support request. */
export function alertAsText(alert: AlertView): string {
  const lines = [
    `${alert.object}: ${alert.message}`,
    alert.remedy && `Next step: ${alert.remedy}`,
    alert.server_said && `Server: ${alert.server_said}`,
    alert.certificate && `Certificate: ${alert.certificate.subject}, SHA-256 ${alert.certificate.sha256}`,
    `First seen: ${alert.first_seen}, last seen: ${alert.last_seen}, ${alert.count} times`,
    `Code: ${alert.code}`,
  ];
  return lines.filter(Boolean).join("\n");
}

function isApiError(value: unknown): value is ApiError {
  return (
    typeof value === "object" && value !== null && "code" in value && "message" in value && "remedy" in value
  );
}

function unexpected(words: string): ApiError {
  return {
    code: "unexpected",
    message: "Tandem's window met something it did not expect.",
    remedy: "Try again. If it happens again, copy the details and report them.",
    object: "Tandem",
    server_said: words,
    retry_at: null,
    certificate: null,
  };
}
