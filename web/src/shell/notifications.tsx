import Flashbar, { type FlashbarProps } from "@cloudscape-design/components/flashbar";
import { createContext, useCallback, useContext, useMemo, useRef, useState, type ReactNode } from "react";
import type { ServiceError } from "@/client/errors";

/** Flash messages at the top of the page. */
export interface Notify {
  success: (content: ReactNode) => void;
  info: (content: ReactNode, id?: string) => void;
  warning: (content: ReactNode, id?: string) => void;
  error: (content: ReactNode, header?: string) => void;
  /** What a service refused, with the id of the request. */
  failed: (error: ServiceError, header?: string) => void;
  /** Takes a message away that was given an id. */
  dismiss: (id: string) => void;
}

const NotifyContext = createContext<Notify | undefined>(undefined);
const ItemsContext = createContext<readonly FlashbarProps.MessageDefinition[]>([]);

export function useNotify(): Notify {
  const notify = useContext(NotifyContext);
  if (!notify) throw new Error("there are no notifications around this component");
  return notify;
}

/** The bar itself, for the shell. */
export function Notifications() {
  return <Flashbar items={useContext(ItemsContext)} stackItems />;
}

const told = (error: ServiceError) =>
  error.requestId ? `${error.message} (request ${error.requestId})` : error.message;

export function NotificationsProvider({ children }: { children: ReactNode }) {
  const [items, setItems] = useState<readonly FlashbarProps.MessageDefinition[]>([]);
  const count = useRef(0);

  const dismiss = useCallback((id: string) => setItems((was) => was.filter((item) => item.id !== id)), []);
  const add = useCallback(
    (type: FlashbarProps.Type, content: ReactNode, header?: ReactNode, named?: string) => {
      const id = named ?? `flash-${++count.current}`;
      const item: FlashbarProps.MessageDefinition = {
        id,
        type,
        content,
        header,
        dismissible: true,
        dismissLabel: "Dismiss",
        onDismiss: () => dismiss(id),
        ariaRole: type === "error" || type === "warning" ? "alert" : "status",
      };
      setItems((was) => [item, ...was.filter((other) => other.id !== id)].slice(0, 10));
    },
    [dismiss],
  );

  const notify = useMemo<Notify>(
    () => ({
      success: (content) => add("success", content),
      info: (content, id) => add("info", content, undefined, id),
      warning: (content, id) => add("warning", content, undefined, id),
      error: (content, header) => add("error", content, header),
      failed: (error, header) => add("error", told(error), header ?? error.code),
      dismiss,
    }),
    [add, dismiss],
  );
  return (
    <NotifyContext.Provider value={notify}>
      <ItemsContext.Provider value={items}>{children}</ItemsContext.Provider>
    </NotifyContext.Provider>
  );
}
