import type { ConfigProviderProps } from "antd";
import { useEffect, useState } from "react";
import type { Language } from "./preferences";

type Locale = NonNullable<ConfigProviderProps["locale"]>;

/** antd's own words; those in English are built in, the Chinese ones are fetched by who reads them. */
export function useAntLocale(language: Language): Locale | undefined {
  const [chinese, setChinese] = useState<Locale>();
  useEffect(() => {
    if (language === "zh") void import("antd/locale/zh_CN").then((module) => setChinese(module.default));
  }, [language]);
  return language === "zh" ? chinese : undefined;
}
