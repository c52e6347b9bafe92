// Markup in template strings: the one place where Preact and htm meet.

import { h } from "preact";
import htm from "htm";

export const html = htm.bind(h);
