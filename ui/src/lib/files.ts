import { backend } from "./backend";

const CA_FILTER = [{ name: "Certificates (PEM)", extensions: ["pem", "crt", "cer"] }];

/** Asks for a CA file; nothing when the person thinks better of it. */
export async function chooseCaFile(): Promise<string | undefined> {
  const [file] = await backend().chooseFiles("Choose a CA file", CA_FILTER, "one");
  return file;
}

/** A path as it was typed or pasted: without spaces around it, and without the quotes that Windows copies along. */
export const pathTyped = (text: string): string => text.trim().replace(/^(["'])(.*)\1$/, "$2");
