import { MessageBar, MessageBarBody } from "@fluentui/react-components";

/** Says where a file was saved. */
export function SavedTo({ path }: { path: string | null }) {
  if (!path) return null;
  return (
    <MessageBar intent="success" layout="multiline" role="status">
      <MessageBarBody style={{ overflowWrap: "anywhere" }}>
        Saved to {path}. It holds no passwords.
      </MessageBarBody>
    </MessageBar>
  );
}
