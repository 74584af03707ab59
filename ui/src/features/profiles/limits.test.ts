import { describe, expect, it } from "vitest";
import { draftOfLimits, limitOf, MOST_PER_DAY, wrongLimit } from "./SendLimits";

describe("sending limits", () => {
  it("are none when nothing is typed", () => {
    expect(draftOfLimits(null, null)).toEqual({ perDay: "", perMinute: "" });
    expect(limitOf(" ")).toBeNull();
    expect(wrongLimit("", MOST_PER_DAY)).toBeUndefined();
  });

  it("are whole numbers within their bounds", () => {
    expect(limitOf("500")).toBe(500);
    for (const good of ["1", "500", "1000000"]) expect(wrongLimit(good, MOST_PER_DAY)).toBeUndefined();
    for (const bad of ["0", "-1", "1.5", "many", "1000001"]) {
      expect(wrongLimit(bad, MOST_PER_DAY)).toContain("1,000,000");
    }
  });
});
