import type { EndpointView, ProfileView, SaveProfileRequest } from "../bindings";

const NOWHERE: EndpointView = {
  server: "",
  port: 0,
  security: "tls",
  ca_file: null,
  trusted_certificate_sha256: [],
};

/** A profile as it is, to be changed. Its password stays. */
export function asRequest(profile: ProfileView): SaveProfileRequest {
  return {
    id: profile.id,
    name: profile.name,
    description: profile.description,
    server_type: profile.server_type,
    incoming: profile.incoming ?? NOWHERE,
    outgoing: profile.outgoing ?? NOWHERE,
    authenticate_using: profile.authenticate_using,
    user_name: profile.user_name,
    process_emails_from: profile.process_emails_from,
    max_concurrent_connections: profile.max_concurrent_connections,
    send_limit_recipients_per_day: profile.send_limit_recipients_per_day,
    send_limit_messages_per_minute: profile.send_limit_messages_per_minute,
  };
}

/** The profile, believing one more certificate for this host, and for no other. */
export function trusting(profile: ProfileView, host: string, sha256: string): SaveProfileRequest {
  const request = asRequest(profile);
  const more = (end: EndpointView): EndpointView =>
    end.server === host && !end.trusted_certificate_sha256?.includes(sha256)
      ? { ...end, trusted_certificate_sha256: [...(end.trusted_certificate_sha256 ?? []), sha256] }
      : end;
  return { ...request, incoming: more(request.incoming), outgoing: more(request.outgoing) };
}

/** The profile, believing what this authority issued for this host. */
export function withCaFile(profile: ProfileView, host: string, caFile: string): SaveProfileRequest {
  const request = asRequest(profile);
  const more = (end: EndpointView): EndpointView => (end.server === host ? { ...end, ca_file: caFile } : end);
  return { ...request, incoming: more(request.incoming), outgoing: more(request.outgoing) };
}
