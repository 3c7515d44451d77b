const en = {
  tooLarge: (size: string) => `This file has ${size}; download it to see it.`,
  binary: "This file is not text; download it to see it.",
  cut: (size: string) => `Only the first ${size} are shown.`,
  download: "Download",
  empty: "This file is empty.",
};

const zh: typeof en = {
  tooLarge: (size) => `文件大小为 ${size}，请下载后查看。`,
  binary: "该文件不是文本，请下载后查看。",
  cut: (size) => `仅显示前 ${size}。`,
  download: "下载",
  empty: "该文件为空。",
};

export const text = { en, zh };
