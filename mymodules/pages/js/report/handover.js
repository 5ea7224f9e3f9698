// The button that hands decisions over as a file, and what is known about where they are kept.

import { button, element, number } from "../elements.js";

const KEPT = "kept in this browser";
const GIVEN = "Download started. triage.approve(frame, decisions=PATH) takes the file.";

export class Handover {
  constructor(decisions) {
    this.decisions = decisions;
    this.download = button("Download", "", () => this.give());
    this.download.title = "Save the decisions made here as a file for triage.approve";
    this.text = element("span", { class: "mmr-quiet", role: "status" });
    this.area = element("span", { class: "mmr-handover" }, this.download, this.text);
    addEventListener("beforeunload", (event) => {
      // Also after a download: nobody knows whether the browser has saved it.
      if (!decisions.kept && decisions.entries().length) event.preventDefault();
    });
    this.fill();
  }

  fill() {
    const { decisions } = this;
    const count = decisions.entries().length;
    this.download.textContent = `Download ${number(count)} ${count === 1 ? "decision" : "decisions"}`;
    this.download.hidden = !count;
    this.say(decisions.problem || (count ? KEPT : ""));
  }

  say(text) {
    this.text.textContent = text;
    this.text.title = text;
    this.text.toggleAttribute("data-problem", !this.decisions.kept);
  }

  give() {
    const { decisions } = this;
    const href = URL.createObjectURL(new Blob([decisions.file()], { type: "application/json" }));
    const download = decisions.fileName();
    element("a", { href, download }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000); // the browser may ask where to save it
    this.say(decisions.problem ? `${decisions.problem} ${GIVEN}` : GIVEN);
  }
}
