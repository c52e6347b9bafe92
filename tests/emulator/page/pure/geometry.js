// Where the rows of a long list lie. Each exported function is a test.

import { alike } from "./claims.js";
import { inSight, rowAt, topsOf, toShow } from "/geometry.js";

const tops = topsOf(Array.from({ length: 100 }), () => 100);

export function of_a_long_list_the_rows_in_sight_are_known() {
  alike(inSight(tops, 0, 200, 1), [0, 4]);
  alike(inSight(tops, 1000, 200, 1), [9, 14]);
  alike(inSight(tops, 99999, 200, 1), [98, 100]);
}

export function an_empty_list_has_nothing_in_sight() {
  alike(inSight(topsOf([], () => 1), 0, 500, 6), [0, 0]);
}

export function rows_may_differ_in_height() {
  const uneven = topsOf([10, 200, 30], (height) => height);

  alike([...uneven], [0, 10, 210, 240]);
  alike([0, 9, 10, 209, 210, 5000].map((y) => rowAt(uneven, y)), [0, 0, 1, 1, 2, 2]);
}

export function a_row_is_brought_into_sight_by_the_shortest_way() {
  alike(toShow(tops, 0, 500, 200), 0);
  alike(toShow(tops, 5, 500, 200), 500);
  alike(toShow(tops, 9, 500, 200), 800);
}
