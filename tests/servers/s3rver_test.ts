import { skipWithout } from "../helpers/servers/programs.ts";
import { findS3rver, startS3rver } from "../helpers/servers/s3rver.ts";
import { testServer } from "./common.ts";

testServer({
  name: "s3rver",
  skip: await skipWithout("s3rver", { s3rver: findS3rver }),
  start: startS3rver,
  titles: {
    empty: "91 s3rver answers 206 and 0-0/0 to a range of an empty object, and the byte never comes",
  },
});
