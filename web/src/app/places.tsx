import {
  AppstoreOutlined,
  ClusterOutlined,
  DashboardOutlined,
  DatabaseOutlined,
  FunctionOutlined,
  RocketOutlined,
  SettingOutlined,
} from "@ant-design/icons";
import { Link, useLocation } from "@tanstack/react-router";
import { Flex } from "antd";
import { useMessages } from "./preferences";

const PLACES = [
  { to: "/", icon: <DashboardOutlined />, key: "overview" },
  { to: "/jobs", icon: <RocketOutlined />, key: "jobs" },
  { to: "/algorithms", icon: <FunctionOutlined />, key: "algorithms" },
  { to: "/engines", icon: <AppstoreOutlined />, key: "engines" },
  { to: "/pools", icon: <ClusterOutlined />, key: "pools" },
  { to: "/buckets", icon: <DatabaseOutlined />, key: "buckets" },
  { to: "/settings", icon: <SettingOutlined />, key: "settings" },
] as const;

export function Brand() {
  const t = useMessages();
  return (
    <Flex align="center" gap={10} style={{ padding: "16px 20px" }}>
      <img src="/console/icon.svg" alt="" width={26} height={26} />
      <strong className="brand">{t.appName}</strong>
    </Flex>
  );
}

/** Where one can go; the place that one is at is marked. */
export function Places({ onChosen }: { onChosen?: () => void }) {
  const t = useMessages();
  const path = useLocation({ select: (location) => location.pathname });
  const here = PLACES.findLast((place) => place.to === "/" || path.startsWith(place.to));
  return (
    <nav aria-label={t.navigation} className="places">
      {PLACES.map((place) => (
        <Link key={place.key} to={place.to} onClick={onChosen} aria-current={place === here ? "page" : undefined}>
          {place.icon}
          {t.places[place.key]}
        </Link>
      ))}
    </nav>
  );
}
