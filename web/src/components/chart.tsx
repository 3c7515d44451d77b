import { LineChart } from "echarts/charts";
import { DataZoomComponent, GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use, type EChartsType } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";
import { usePreferences } from "../app/preferences";

use([LineChart, DataZoomComponent, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

export interface Curve {
  name: string;
  points: [number, number][];
}

interface Props {
  curves: Curve[];
  label: string;
  xAxis: "time" | "value";
  max?: number;
  logarithmic?: boolean;
  /** How a value of the x axis is written; as the axis does where not given. */
  xText?: (value: number) => string;
}

/** Lines over time or steps: hover shows the values, the wheel zooms, the legend hides and shows. */
export function Chart({ curves, label, xAxis, max, logarithmic = false, xText }: Props) {
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
    const formatter = xText && ((value: number) => xText(value));
    chart.current?.setOption(
      {
        backgroundColor: "transparent",
        animation: false,
        grid: { left: 12, right: 20, top: curves.length > 1 ? 40 : 16, bottom: 8, containLabel: true },
        legend: { show: curves.length > 1, top: 0, type: "scroll" },
        tooltip: { trigger: "axis", renderMode: "richText", confine: true, axisPointer: { label: { precision: 3 } } },
        dataZoom: [{ type: "inside", filterMode: "none" }],
        xAxis: { type: xAxis, scale: true, axisLabel: { hideOverlap: true, ...(formatter ? { formatter } : {}) } },
        yAxis: logarithmic
          ? { type: "log" }
          : { type: "value", scale: max === undefined, ...(max === undefined ? {} : { min: 0, max }) },
        series: curves.map((curve) => ({
          name: curve.name,
          type: "line",
          showSymbol: curve.points.length < 40,
          sampling: "lttb",
          data: logarithmic ? curve.points.filter(([, y]) => y > 0) : curve.points,
        })),
      },
      { replaceMerge: ["series"] },
    );
  }, [curves, xAxis, max, theme, logarithmic, xText]);

  const names = curves.map((curve) => curve.name).join(", ");
  return <div ref={box} role="img" aria-label={label} aria-description={names} style={{ height: 280, width: "100%" }} />;
}
