/** The English messages. Their keys type the other dictionaries. */
export const en = {
  appName: "trainshed",
};

export type Messages = typeof en;
