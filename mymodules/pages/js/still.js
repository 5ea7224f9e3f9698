// Hides what a notebook keeps of a widget for pages without a kernel, once the kernel has answered; see pages/still.py.
//
//   {kind: "hello"}        sent once; the answer is {kind: "awake"}

export function initialize({ model }) {
  const still = `.mm-still-${model.get("key")}`;
  // A rule, and not a style of the element: JupyterLab can show one output in several places, each in a frame.
  const rule = document.createElement("style");
  rule.textContent = `${still}, .jp-OutputArea-child:has(> .jp-OutputArea-output > ${still}) { display: none !important; }`;
  const take = (message) => message?.kind === "awake" && document.head.append(rule);
  model.on("msg:custom", take);
  model.send({ kind: "hello" });
  return () => {
    model.off("msg:custom", take);
    rule.remove();
  };
}
