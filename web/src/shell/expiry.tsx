import { useEffect } from "react";
import { useSession, useSessionControl } from "@/session/provider";
import { useNotify } from "./notifications";

/** How long before its end a session's end is announced. */
const notice = 5 * 60_000;
/** The longest that a timer waits; setTimeout takes no more than 24 days. */
const day = 24 * 3600_000;
const flash = "session-expiry";

/** Says when a session will end that no use can prolong, and asks again whether it has when it should have. */
export function ExpiryWarning() {
  const session = useSession();
  const { reload } = useSessionControl();
  const notify = useNotify();
  const { expires, ends } = session;

  useEffect(() => {
    notify.dismiss(flash);
    if (!ends) return;
    const end = Date.parse(ends);
    const wait = end - notice - Date.now();
    if (wait > day) return;
    const timer = setTimeout(
      () => {
        const at = new Date(end).toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit" });
        notify.warning(`Your session ends at ${at}. Sign in again then to go on; what is on this page stays.`, flash);
      },
      Math.max(wait, 0),
    );
    return () => clearTimeout(timer);
  }, [ends, notify]);

  useEffect(() => {
    if (!expires) return;
    const wait = Date.parse(expires) - Date.now();
    if (wait > day) return;
    // A session that is used lasts longer than was said at first, which only the server knows.
    const timer = setTimeout(() => void reload(), Math.max(wait, 0) + 2_000);
    return () => clearTimeout(timer);
  }, [expires, reload]);
  return null;
}
