import { MoonOutlined, SunOutlined } from "@ant-design/icons";
import { Button, Flex, Tooltip } from "antd";
import { useMessages, usePreferences } from "../app/preferences";

/** Switches for language and theme. */
export function PreferenceButtons() {
  const t = useMessages();
  const { theme, language, setTheme, setLanguage } = usePreferences();
  const dark = theme === "dark";
  const themeLabel = dark ? t.lightTheme : t.darkTheme;
  return (
    <Flex gap={4}>
      <Button type="text" onClick={() => setLanguage(language === "zh" ? "en" : "zh")} aria-label={t.otherLanguageLabel}>
        {t.otherLanguage}
      </Button>
      <Tooltip title={themeLabel}>
        <Button
          type="text"
          icon={dark ? <SunOutlined /> : <MoonOutlined />}
          aria-label={themeLabel}
          onClick={() => setTheme(dark ? "light" : "dark")}
        />
      </Tooltip>
    </Flex>
  );
}
