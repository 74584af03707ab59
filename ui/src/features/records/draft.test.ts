import { expect, test } from "vitest";
import { emails } from "../../lib/fake-data";
import { EMPTY, errorsOf, fileName, notAddresses, recipients, replyTo, requestOf } from "./draft";

const received = () => {
  const email = emails()[0];
  if (!email) throw new Error("no email");
  return email;
};

test("recipients are split at commas that are not part of a name", () => {
  expect(recipients('"Burk, Susan" <susan@fabrikam.test>, jim@fabrikam.test; ')).toEqual([
    '"Burk, Susan" <susan@fabrikam.test>',
    "jim@fabrikam.test",
  ]);
  expect(notAddresses("jim@fabrikam.test, jim, Jim <jim>")).toEqual(["jim", "Jim <jim>"]);
});

test("a reply goes to the sender, once marked as a reply, with the text quoted", () => {
  const draft = replyTo({ ...received(), subject: "RE: Delivery", body_text: "one\n> two\n" }, "Monday");
  expect(draft.subject).toBe("RE: Delivery");
  expect(draft.to).toContain("<susan.burk@fabrikam.test>");
  expect(draft.body).toContain("> one\n>> two\n");
  expect(replyTo({ ...received(), subject: "Delivery" }, "Monday").subject).toBe("Re: Delivery");
});

test("a reply to our own email goes to those it went to", () => {
  const own = emails().find((e) => e.direction === "outgoing");
  if (!own) throw new Error("no email");
  expect(replyTo(own, "Monday").to).toContain(own.to[0]?.address);
});

test("a reply names the email that it answers and keeps its regarding", () => {
  const email = received();
  const request = requestOf({ ...EMPTY, from: "amy@contoso.test", to: "a@b.c, d@e.f" }, email);
  expect(request).toMatchObject({
    in_reply_to: email.id,
    regarding: "account:account-fabrikam",
    to: ["a@b.c", "d@e.f"],
  });
});

test("without sender and recipient nothing is sent", () => {
  expect(Object.keys(errorsOf(EMPTY))).toEqual(["from", "to"]);
  expect(errorsOf({ ...EMPTY, from: "a@b.c", bcc: "d@e.f" })).toEqual({});
});

test("file names are found in paths of every system", () => {
  expect([fileName("C:\\Users\\amy\\offer.pdf"), fileName("/home/amy/offer.pdf")]).toEqual([
    "offer.pdf",
    "offer.pdf",
  ]);
});
