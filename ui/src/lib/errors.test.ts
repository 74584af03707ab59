import { expect, test } from "vitest";
import { ActionError, errorAsText, toApiError } from "./errors";
import { certificateRefused } from "./fake-data";

test("a rejection by Tauri itself is a plain string and becomes an error with a next step", () => {
  const error = toApiError("rpc not allowed. Permissions associated with this command: allow-rpc");
  expect(error.code).toBe("unexpected");
  expect(error.server_said).toContain("allow-rpc");
  expect(error.remedy).not.toBe("");
});

test("the engine's error is kept as it is", () => {
  expect(toApiError(certificateRefused)).toBe(certificateRefused);
  expect(toApiError(new ActionError(certificateRefused))).toBe(certificateRefused);
});

test("anything else that is thrown is shown with its own words", () => {
  expect(toApiError(new TypeError("x is undefined")).server_said).toBe("TypeError: x is undefined");
  expect(toApiError(undefined).code).toBe("unexpected");
});

test("the copied details name the object, the code and the fingerprint", () => {
  const text = errorAsText(certificateRefused);
  expect(text).toContain("mail.contoso.test:995");
  expect(text).toContain("Code: certificate_refused");
  expect(text).toContain(certificateRefused.certificate?.sha256);
});
