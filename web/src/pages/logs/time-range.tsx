import DateRangePicker, { type DateRangePickerProps } from "@cloudscape-design/components/date-range-picker";
import FormField from "@cloudscape-design/components/form-field";
import { backOf, backs, type When } from "./filter";

const unitNames: { [unit: string]: DateRangePickerProps.TimeUnit } = { m: "minute", h: "hour", d: "day" };

const relative = (since: string): DateRangePickerProps.RelativeOption[] => {
  const back = backOf(since);
  const unit = back && unitNames[back.unit];
  return unit ? [{ key: since, amount: back.amount, unit, type: "relative" }] : [];
};

/** What is relative has the units of the address, and the picker's others are counted in them. */
const letters: { [unit: string]: readonly [letter: string, times: number] } = {
  minute: ["m", 1],
  hour: ["h", 1],
  day: ["d", 1],
  week: ["d", 7],
};

/** What a picker says as the parameters of an address. */
export function paramsOf(value: DateRangePickerProps.Value | null): { since: string; from: string; to: string } {
  const none = { since: "", from: "", to: "" };
  if (value?.type === "relative") {
    const [letter, times] = letters[value.unit] ?? ["d", 1];
    return { ...none, since: `${value.amount * times}${letter}` };
  }
  if (value?.type === "absolute") {
    const utc = (text: string) => new Date(text).toISOString();
    return { ...none, from: utc(value.startDate), to: utc(value.endDate) };
  }
  return none;
}

function valueOf({ since, from, to }: When): DateRangePickerProps.Value | null {
  // An end that is open is none of the picker's: it is the first or the last moment that there is.
  if (from !== "" || to !== "") {
    return { type: "absolute", startDate: from || "2000-01-01T00:00:00Z", endDate: to || "2100-01-01T00:00:00Z" };
  }
  const [option] = relative(since);
  return option ?? null;
}

const valid: DateRangePickerProps.ValidationFunction = (value) => {
  if (value?.type === "relative" && !backOf(paramsOf(value).since)) {
    return { valid: false, errorMessage: "Choose a whole number from 1 to 99999." };
  }
  if (value?.type !== "absolute") return { valid: true };
  const from = Date.parse(value.startDate);
  const to = Date.parse(value.endDate);
  if (Number.isNaN(from) || Number.isNaN(to)) {
    return { valid: false, errorMessage: "Choose a first and a last day, and a time of both." };
  }
  return from < to ? { valid: true } : { valid: false, errorMessage: "The end has to be after the beginning." };
};

/** The time that is looked at, in the reader's zone. */
export function TimeRange({ when, onChange }: { when: When; onChange: (params: ReturnType<typeof paramsOf>) => void }) {
  return (
    <FormField label="Time" className="logs-time">
      <DateRangePicker
        value={valueOf(when)}
        relativeOptions={backs.flatMap(relative)}
        customRelativeRangeUnits={["minute", "hour", "day", "week"]}
        isValidRange={valid}
        onChange={({ detail }) => onChange(paramsOf(detail.value))}
        placeholder="Any time"
        absoluteFormat="long-localized"
        hideTimeOffset
        expandToViewport
        getTimeOffset={(date) => -date.getTimezoneOffset()}
      />
    </FormField>
  );
}
