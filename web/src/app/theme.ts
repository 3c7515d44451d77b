import { theme, type ThemeConfig } from "antd";
import type { Theme } from "./preferences";

/** antd's tokens for both themes; the page's background before the first paint is the same. */
export function antTheme(chosen: Theme): ThemeConfig {
  const dark = chosen === "dark";
  return {
    algorithm: dark ? theme.darkAlgorithm : theme.defaultAlgorithm,
    token: {
      colorPrimary: dark ? "#5b8cff" : "#1f5eff",
      colorBgLayout: dark ? "#101214" : "#f5f6f8",
      colorBgContainer: dark ? "#181b1f" : "#ffffff",
      borderRadius: 8,
      fontFamily: 'system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif',
      fontFamilyCode: 'ui-monospace, "SF Mono", Menlo, Consolas, "Noto Sans Mono CJK SC", monospace',
    },
  };
}
