'use strict';
(() => {
  const table = document.getElementById('images');
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const headers = Array.from(table.tHead.rows[0].cells);
  const search = document.getElementById('search');
  const count = document.getElementById('count');
  const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

  // What a cell is sorted by: its number where it has one, else its text.
  const keyOf = (row, column) => row.cells[column].dataset.key ?? row.cells[column].textContent;
  const texts = new Map(rows.map(row => [row, row.textContent.toLowerCase()]));

  const sort = (column, descending) => {
    const numeric = headers[column].dataset.type === 'number';
    const keys = new Map(rows.map(row => [row, numeric ? Number(keyOf(row, column)) : keyOf(row, column)]));
    const compare = numeric ? (a, b) => a - b : collator.compare;
    rows.sort((a, b) => (descending ? -1 : 1) * compare(keys.get(a), keys.get(b)));
    body.append(...rows);
    headers.forEach((header, i) => {
      if (i === column) header.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
      else header.removeAttribute('aria-sort');
    });
  };

  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(word => word);
    let shown = 0;
    for (const row of rows) {
      row.hidden = !words.every(word => texts.get(row).includes(word));
      if (!row.hidden) shown++;
    }
    count.textContent = shown === rows.length ? `${rows.length} images` : `${shown} of ${rows.length} images`;
  };

  headers.forEach((header, i) => header.querySelector('button')?.addEventListener('click', () => {
    const current = header.getAttribute('aria-sort');
    // Numbers are looked at from the largest on.
    sort(i, current ? current === 'ascending' : header.dataset.type === 'number');
  }));
  search.addEventListener('input', filter);
  filter();
})();
