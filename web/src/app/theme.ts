import { theme, type ThemeConfig } from "antd";
import type { Theme } from "./preferences";

// antd's own greys and greens are too faint to be read by all: these have a contrast of 4.5 and more.
const LIGHT_TEXT = {
  colorTextSecondary: "#5a616b",
  colorTextDescription: "#5a616b",
  colorTextPlaceholder: "#6b727c",
  colorTextTertiary: "#5f6670",
  colorTextDisabled: "#6b727c",
  colorLink: "#1a4fd6",
  colorSuccess: "#237a11",
  colorWarning: "#8f5600",
  colorError: "#cf1322",
  colorInfo: "#1a4fd6",
  colorSuccessBg: "#eaf6e6",
  colorSuccessBorder: "#b9dfae",
  colorWarningBg: "#fff6e5",
  colorWarningBorder: "#f0d49a",
  colorErrorBg: "#fff1f0",
  colorErrorBorder: "#ffccc7",
  colorInfoBg: "#eaf1ff",
  colorInfoBorder: "#bcd2ff",
};
const DARK_TEXT = {
  colorTextSecondary: "#a7aeb8",
  colorTextDescription: "#a7aeb8",
  colorTextPlaceholder: "#8e959f",
  colorTextTertiary: "#a0a7b1",
  colorTextDisabled: "#8e959f",
  colorLink: "#8fb3ff",
  colorSuccess: "#6fce55",
  colorWarning: "#e8b339",
  colorError: "#ff7b72",
  colorInfo: "#8fb3ff",
};

/** antd's tokens for both themes; the page's background before the first paint is the same. */
export function antTheme(chosen: Theme): ThemeConfig {
  const dark = chosen === "dark";
  return {
    algorithm: dark ? theme.darkAlgorithm : theme.defaultAlgorithm,
    token: {
      colorPrimary: dark ? "#5b8cff" : "#1f5eff",
      colorBgLayout: dark ? "#101214" : "#f5f6f8",
      colorBgContainer: dark ? "#181b1f" : "#ffffff",
      ...(dark ? DARK_TEXT : LIGHT_TEXT),
      borderRadius: 8,
      // whoever has asked their system for less movement gets none
      motion: !window.matchMedia("(prefers-reduced-motion: reduce)").matches,
      fontFamily: 'system-ui, -apple-system, "Segoe UI", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif',
      fontFamilyCode: 'ui-monospace, "SF Mono", Menlo, Consolas, "Noto Sans Mono CJK SC", monospace',
    },
    components: {
      ...(dark ? { Button: { colorPrimary: "#3d6bd6", colorPrimaryHover: "#4a78e4" } } : {}),
      Tabs: dark ? { itemSelectedColor: "#8fb1ff", itemHoverColor: "#8fb1ff", itemActiveColor: "#8fb1ff" } : {},
      Menu: dark ? { itemSelectedColor: "#a9c4ff", itemSelectedBg: "#1f2c4a" } : { itemSelectedColor: "#1a4fd6" },
    },
  };
}
