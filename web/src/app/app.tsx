import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { App as AntApp, ConfigProvider } from "antd";
import { lazy, Suspense, useEffect, useRef } from "react";
import { ApiError } from "../api/errors";
import { LiveUpdates } from "../api/live";
import { Starting } from "../components/starting";
import type { Words } from "./language";
import { PreferencesProvider, usePreferences } from "./preferences";
import { router } from "./router";
import { SessionProvider, useSessionQuery } from "./session";
import { antTheme } from "./theme";

const SignInPage = lazy(() => import("../pages/sign-in").then((module) => ({ default: module.SignInPage })));

/** A session that has expired, or was ended elsewhere, leads to the sign-in page. */
const queryCache = new QueryCache({
  onError: (error, query) => {
    if (error instanceof ApiError && error.status === 401 && query.queryKey[0] !== "session") {
      void client.invalidateQueries({ queryKey: ["session"] });
    }
  },
});

const client: QueryClient = new QueryClient({
  queryCache,
  defaultOptions: {
    queries: {
      // a request that the service refused is not repeated; one that did not reach it is
      retry: (count, error) => !(error instanceof ApiError) || (error.status >= 500 && count < 3),
      retryDelay: (count) => Math.min(1000 * 2 ** count, 8000),
      staleTime: 2000,
    },
  },
});

export function App({ words }: { words: Words }) {
  return (
    <PreferencesProvider first={words}>
      <QueryClientProvider client={client}>
        <Themed />
      </QueryClientProvider>
    </PreferencesProvider>
  );
}

function Themed() {
  const { theme, language, words } = usePreferences();
  useSentencesIn(language);
  return (
    <ConfigProvider theme={antTheme(theme)} {...(words.antd ? { locale: words.antd } : {})}>
      <AntApp component={false}>
        <SignedIn />
      </AntApp>
    </ConfigProvider>
  );
}

/** What the service says comes in the language of the page: ask again once that has changed. */
function useSentencesIn(language: string) {
  const shown = useRef(language);
  useEffect(() => {
    if (shown.current === language) return;
    shown.current = language;
    void client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== "session" });
  }, [language]);
}

function SignedIn() {
  const session = useSessionQuery();
  if (session.isPending) return <Starting waiting={session.failureCount > 0} />;
  if (!session.data) {
    return (
      <Suspense fallback={<Starting waiting={false} />}>
        <SignInPage />
      </Suspense>
    );
  }
  return (
    <SessionProvider session={session.data}>
      <LiveUpdates>
        <RouterProvider router={router} />
      </LiveUpdates>
    </SessionProvider>
  );
}
