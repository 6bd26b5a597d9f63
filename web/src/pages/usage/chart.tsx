import BarChart from "@cloudscape-design/components/bar-chart";
import Box from "@cloudscape-design/components/box";
import { count, money } from "@/components";
import { measures, type Measure, type Series } from "./query";
import { stepLabel, type Step } from "./range";

const short = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });

/** So many bars fit everywhere. */
const few = 60;

/** Amounts over time, a colour for each group. Loaded when it is needed: charts are big. */
export default function UsageChart({
  series,
  keys,
  step,
  measure,
}: {
  series: readonly Series[];
  keys: readonly string[];
  step: Step;
  measure: Measure;
}) {
  // Hours of different days may have the same label in the night when clocks are set back: the key is what is charted.
  const label = (key: string) => stepLabel(key, step);
  const value = (n: number) => (measure === "cost" ? money(n) : count(n));
  const data = series.map((s) => ({
    type: "bar" as const,
    title: s.title,
    data: keys.map((x, i) => ({ x, y: s.amounts[i] ?? 0 })),
    valueFormatter: value,
  }));
  const tallest = Math.max(...keys.map((_, i) => series.reduce((sum, s) => sum + (s.amounts[i] ?? 0), 0)), 0);
  const chart = (
    <BarChart<string>
      series={data}
      stackedBars
      xScaleType="categorical"
      xDomain={[...keys]}
      yDomain={[0, tallest === 0 ? 1 : tallest]}
      xTickFormatter={label}
      yTickFormatter={(n) => (measure === "cost" ? money(n) : short.format(n))}
      height={280}
      hideFilter
      ariaLabel={`${measures[measure]} over time`}
      xTitle={step === "hour" ? "Hour, your time zone" : step === "day" ? "Day, UTC" : "Month, UTC"}
      yTitle={measure === "cost" ? "Cost (USD)" : measures[measure]}
      empty={
        <Box textAlign="center" color="inherit">
          Nothing was used in this time.
        </Box>
      }
    />
  );
  if (keys.length <= few) return chart;
  // So many bars do not fit a telephone: they are scrolled there.
  return (
    <div style={{ overflowX: "auto" }}>
      <div style={{ minWidth: keys.length * 4 + 80 }}>{chart}</div>
    </div>
  );
}
