import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { App as AntApp, ConfigProvider } from "antd";
import enUS from "antd/locale/en_US";
import zhCN from "antd/locale/zh_CN";
import { ApiError } from "../api/errors";
import { SignInPage } from "../pages/sign-in";
import { Starting } from "../components/starting";
import { PreferencesProvider, usePreferences } from "./preferences";
import { router } from "./router";
import { SessionProvider, useSessionQuery } from "./session";
import { antTheme } from "./theme";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // a request that the service refused is not repeated; one that did not reach it is
      retry: (count, error) => !(error instanceof ApiError) || (error.status >= 500 && count < 3),
      retryDelay: (count) => Math.min(1000 * 2 ** count, 8000),
      staleTime: 2000,
    },
  },
});

export function App() {
  return (
    <PreferencesProvider>
      <QueryClientProvider client={client}>
        <Themed />
      </QueryClientProvider>
    </PreferencesProvider>
  );
}

function Themed() {
  const { theme, language } = usePreferences();
  return (
    <ConfigProvider theme={antTheme(theme)} locale={language === "zh" ? zhCN : enUS}>
      <AntApp component={false}>
        <SignedIn />
      </AntApp>
    </ConfigProvider>
  );
}

function SignedIn() {
  const session = useSessionQuery();
  if (session.isPending) return <Starting waiting={session.failureCount > 0} />;
  if (!session.data) return <SignInPage />;
  return (
    <SessionProvider session={session.data}>
      <RouterProvider router={router} />
    </SessionProvider>
  );
}
