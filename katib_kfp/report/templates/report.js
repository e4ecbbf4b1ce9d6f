"use strict";
(() => {
  // Figures: plain plotly dicts. Downloads, storage and links are not allowed in a sandboxed frame, so their buttons go.
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const config = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["toImage", "select2d", "lasso2d"] };
  for (const element of document.querySelectorAll("[data-figure]")) {
    const figure = figures[element.dataset.figure];
    Plotly.newPlot(element, figure.data, figure.layout, config);
  }

  // Sorting: numbers as numbers, empty cells last.
  const table = document.getElementById("trials");
  if (!table) return;
  const body = table.tBodies[0];
  const headings = [...table.querySelectorAll("th")];
  const compare = (a, b) => {
    const [x, y] = [Number(a), Number(b)];
    return Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
  };
  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      const sign = heading.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
      const key = (row) => row.cells[column].dataset.key;
      const rows = [...body.rows].sort((a, b) => {
        if (!key(a) || !key(b)) return (key(a) ? 0 : 1) - (key(b) ? 0 : 1);
        return sign * compare(key(a), key(b));
      });
      body.append(...rows);
    });
  });
})();
