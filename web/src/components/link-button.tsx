import { createLink } from "@tanstack/react-router";
import { Button, type ButtonProps } from "antd";
import type { Ref } from "react";

interface Props extends ButtonProps {
  ref?: Ref<HTMLAnchorElement>;
}

/** A button that leads to a page: one link, which opens in a new tab like any other. */
export const LinkButton = createLink(({ ref, ...props }: Props) => <Button {...props} {...(ref ? { ref } : {})} />);
