import {
  AppstoreOutlined,
  ClusterOutlined,
  DashboardOutlined,
  DatabaseOutlined,
  FunctionOutlined,
  LogoutOutlined,
  MenuOutlined,
  RocketOutlined,
  SettingOutlined,
} from "@ant-design/icons";
import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { Button, Drawer, Flex, Grid, Layout, Menu, Typography, type MenuProps } from "antd";
import { useState } from "react";
import { PreferenceButtons } from "../components/preference-buttons";
import { useMessages } from "./preferences";
import { ProjectChoice } from "./project-choice";
import { useSession, useSignOut } from "./session";

const PLACES = [
  { to: "/", icon: <DashboardOutlined />, key: "overview" },
  { to: "/jobs", icon: <RocketOutlined />, key: "jobs" },
  { to: "/algorithms", icon: <FunctionOutlined />, key: "algorithms" },
  { to: "/engines", icon: <AppstoreOutlined />, key: "engines" },
  { to: "/pools", icon: <ClusterOutlined />, key: "pools" },
  { to: "/buckets", icon: <DatabaseOutlined />, key: "buckets" },
  { to: "/settings", icon: <SettingOutlined />, key: "settings" },
] as const;

/** Navigation at the side (or in a drawer on a narrow screen), who is signed in, and the page. */
export function Shell() {
  const t = useMessages();
  const narrow = !Grid.useBreakpoint().lg;
  const [open, setOpen] = useState(false);
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
      <Drawer open={narrow && open} onClose={() => setOpen(false)} placement="left" size={240} title={<Brand />}>
        <Places onChosen={() => setOpen(false)} />
      </Drawer>
      <Layout>
        <Flex component="header" align="center" gap={8} style={{ padding: "8px 16px" }}>
          {narrow && (
            <Button type="text" icon={<MenuOutlined />} aria-label={t.openMenu} onClick={() => setOpen(true)} />
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

function Brand() {
  const t = useMessages();
  return (
    <Flex align="center" gap={10} style={{ padding: "16px 20px" }}>
      <img src="/console/icon.svg" alt="" width={26} height={26} />
      <Typography.Text strong style={{ fontSize: 17 }}>
        {t.appName}
      </Typography.Text>
    </Flex>
  );
}

function Places({ onChosen }: { onChosen?: () => void }) {
  const t = useMessages();
  const path = useLocation({ select: (location) => location.pathname });
  const here = PLACES.findLast((place) => place.to === "/" || path.startsWith(place.to));
  const items: MenuProps["items"] = PLACES.map((place) => ({
    key: place.key,
    icon: place.icon,
    label: (
      <Link to={place.to} onClick={onChosen}>
        {t.places[place.key]}
      </Link>
    ),
  }));
  return (
    <nav aria-label={t.navigation}>
      <Menu mode="inline" selectedKeys={here ? [here.key] : []} items={items} style={{ borderInlineEnd: 0 }} />
    </nav>
  );
}

function WhoIsThere() {
  const t = useMessages();
  const session = useSession();
  const signOut = useSignOut();
  return (
    <Flex align="center" gap={4}>
      <ProjectChoice />
      <Typography.Text type="secondary">{session.user_name}</Typography.Text>
      <Button type="text" icon={<LogoutOutlined />} aria-label={t.signOut} onClick={() => void signOut()} />
    </Flex>
  );
}
