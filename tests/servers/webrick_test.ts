import { skipWithout } from "../helpers/servers/programs.ts";
import { findWebrick, startWebrick } from "../helpers/servers/webrick.ts";
import { testServer } from "./common.ts";

testServer({
  name: "WEBrick",
  skip: await skipWithout("WEBrick", { WEBrick: findWebrick }),
  start: startWebrick,
  titles: {
    empty: "91 WEBrick answers 416 without Content-Range to a range of an empty file",
    resumed: "95 WEBrick answers 304 to its own ETag in If-Range, and has no quotes around it",
    changed: "95 WEBrick answers 206 to If-Range with the ETag of another version",
  },
});
