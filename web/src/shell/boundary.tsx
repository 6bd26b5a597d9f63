import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import { Component, type ReactNode } from "react";
import { asServiceError, type ServiceError } from "@/client/errors";

/** Shows what a page broke with instead of an empty window. Another key starts over. */
export class Boundary extends Component<{ children: ReactNode }, { error?: ServiceError }> {
  override state: { error?: ServiceError } = {};

  static getDerivedStateFromError(thrown: unknown) {
    return { error: asServiceError(thrown) };
  }

  override render() {
    const { error } = this.state;
    if (!error) return this.props.children;
    // After an update of the server the files of this page's version are gone.
    const updated = /dynamically imported module|module script/i.test(error.message);
    return (
      <Box padding="l">
        <Alert
          type={updated ? "info" : "error"}
          header={updated ? "This page has been updated" : "This page has failed"}
          action={<Button onClick={() => window.location.reload()}>Reload</Button>}
        >
          {updated ? "Reload it to get its current version." : error.message}
          {error.requestId && (
            <Box variant="small" display="block">
              Request {error.requestId}
            </Box>
          )}
        </Alert>
      </Box>
    );
  }
}
