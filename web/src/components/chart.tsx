import { LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use, type EChartsType } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";
import { usePreferences } from "../app/preferences";

use([LineChart, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

export interface Curve {
  name: string;
  points: [number, number][];
}

interface Props {
  curves: Curve[];
  label: string;
  xAxis: "time" | "value";
  max?: number;
}

/** Lines over time or steps; hover shows the values. */
export function Chart({ curves, label, xAxis, max }: Props) {
  const { theme } = usePreferences();
  const box = useRef<HTMLDivElement>(null);
  const chart = useRef<EChartsType | null>(null);

  useEffect(() => {
    if (!box.current) return;
    const made = init(box.current, theme === "dark" ? "dark" : null);
    chart.current = made;
    const observer = new ResizeObserver(() => made.resize());
    observer.observe(box.current);
    return () => {
      observer.disconnect();
      made.dispose();
    };
  }, [theme]);

  useEffect(() => {
    chart.current?.setOption(
      {
        backgroundColor: "transparent",
        animation: false,
        grid: { left: 48, right: 16, top: 36, bottom: 28 },
        legend: { top: 0, type: "scroll" },
        tooltip: { trigger: "axis" },
        xAxis: { type: xAxis },
        yAxis: { type: "value", scale: max === undefined, ...(max === undefined ? {} : { min: 0, max }) },
        series: curves.map((curve) => ({
          name: curve.name,
          type: "line",
          showSymbol: curve.points.length < 40,
          sampling: "lttb",
          data: curve.points,
        })),
      },
      { replaceMerge: ["series"] },
    );
  }, [curves, xAxis, max, theme]);

  return <div ref={box} role="img" aria-label={label} style={{ height: 280, width: "100%" }} />;
}
