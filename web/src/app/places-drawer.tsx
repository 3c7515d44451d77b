import { Drawer } from "antd";
import { Brand, Places } from "./places";

/** The navigation of a narrow screen, loaded when it is asked for the first time. */
export function PlacesDrawer({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Drawer open={open} onClose={onClose} placement="left" size={240} title={<Brand />}>
      <Places onChosen={onClose} />
    </Drawer>
  );
}
