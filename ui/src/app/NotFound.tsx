import { QuestionCircleRegular } from "@fluentui/react-icons";
import { EmptyState, Page } from "../components/Page";

/** An address that leads nowhere. */
export function NotFound() {
  return (
    <Page title="Page not found">
      <EmptyState icon={<QuestionCircleRegular />} title="There is no such page">
        Choose one on the left.
      </EmptyState>
    </Page>
  );
}
