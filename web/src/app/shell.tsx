import { LogoutOutlined, MenuOutlined } from "@ant-design/icons";
import { Outlet } from "@tanstack/react-router";
import { Button, Flex, Grid, Layout } from "antd";
import { lazy, Suspense, useState } from "react";
import { PreferenceButtons } from "../components/preference-buttons";
import { Brand, Places } from "./places";
import { useMessages } from "./preferences";
import { useMayChange, useSession, useSignOut } from "./session";

const ProjectChoice = lazy(() => import("./project-choice").then((module) => ({ default: module.ProjectChoice })));
const PlacesDrawer = lazy(() => import("./places-drawer").then((module) => ({ default: module.PlacesDrawer })));

/** Navigation at the side (or in a drawer on a narrow screen), who is signed in, and the page. */
export function Shell() {
  const t = useMessages();
  const narrow = !Grid.useBreakpoint().lg;
  const [open, setOpen] = useState(false);
  const [asked, setAsked] = useState(false);
  const show = () => {
    setAsked(true);
    setOpen(true);
  };
  return (
    <Layout style={{ minHeight: "100vh" }}>
      <a href="#page" className="skip-link">
        {t.skipToPage}
      </a>
      {!narrow && (
        <Layout.Sider theme="light" width={208} style={{ position: "sticky", top: 0, height: "100vh" }}>
          <Brand />
          <Places />
        </Layout.Sider>
      )}
      {narrow && asked && (
        <Suspense>
          <PlacesDrawer open={open} onClose={() => setOpen(false)} />
        </Suspense>
      )}
      <Layout>
        <Flex component="header" align="center" gap={8} style={{ padding: "8px 16px" }}>
          {narrow && (
            <Button type="text" icon={<MenuOutlined />} aria-label={t.openMenu} onClick={show} />
          )}
          <div style={{ flex: 1 }} />
          <PreferenceButtons />
          <WhoIsThere />
        </Flex>
        <main id="page" tabIndex={-1} style={{ padding: "0 16px 32px", minWidth: 0 }}>
          <Outlet />
        </main>
      </Layout>
    </Layout>
  );
}

function WhoIsThere() {
  const t = useMessages();
  const session = useSession();
  const mayChange = useMayChange();
  const signOut = useSignOut();
  return (
    <Flex align="center" gap={4}>
      {(session.projects.length > 1 || !mayChange) && (
        <Suspense>
          <ProjectChoice />
        </Suspense>
      )}
      <span className="secondary">{session.user_name}</span>
      <Button type="text" icon={<LogoutOutlined />} aria-label={t.signOut} onClick={() => void signOut()} />
    </Flex>
  );
}
