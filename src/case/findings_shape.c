/* What stands in the findings, field by field, in the order in which it is written; and how long lists may be. */
#include "case/findings_priv.h"

#define AT(s, m) (uint32_t)offsetof(struct s, m)
#define ONE(type, s, name, m) {name, type, AT(s, m), 0, 0, NULL}
#define PART(s, name, m, what) {name, SHAPE_PART, AT(s, m), 0, 0, &what}
#define LIST(s, name, m, count, most, what) {name, SHAPE_LIST, AT(s, m), AT(s, count), most, &what}
#define TEXTS(s, name, m, count, most) {name, SHAPE_TEXTS, AT(s, m), AT(s, count), most, NULL}
#define SHAPE(name, s, fields) static const struct shape name = {sizeof(struct s), sizeof(fields) / sizeof *(fields), fields}

static const struct shape_field reason_fields[] = {
    ONE(SHAPE_REAL, found_reason, "bits", bits), ONE(SHAPE_TEXT, found_reason, "text", text), ONE(SHAPE_TEXT, found_reason, "source", source)};
SHAPE(reason, found_reason, reason_fields);

static const struct shape_field count_fields[] = {
    ONE(SHAPE_TEXT, found_count, "text", text), ONE(SHAPE_U64, found_count, "n", n), ONE(SHAPE_BOOL, found_count, "at_most", is_at_most)};
SHAPE(count, found_count, count_fields);

static const struct shape_field network_fields[] = {
    ONE(SHAPE_U32, found_network, "asn", asn), ONE(SHAPE_TEXT, found_network, "name", name),
    ONE(SHAPE_TEXT, found_network, "country", country), ONE(SHAPE_TEXT, found_network, "prefix", prefix),
    ONE(SHAPE_TEXT, found_network, "firm", firm), ONE(SHAPE_TEXT, found_network, "abuse", abuse)};
SHAPE(network, found_network, network_fields);

static const struct shape_field share_fields[] = {
    ONE(SHAPE_ESTIMATE, found_share, "messages", messages), ONE(SHAPE_ESTIMATE, found_share, "envelopes", envelopes),
    ONE(SHAPE_ESTIMATE, found_share, "bytes", bytes), ONE(SHAPE_ESTIMATE, found_share, "addresses", addresses)};
SHAPE(share, found_share, share_fields);

static const struct shape_field period_fields[] = {
    ONE(SHAPE_TIME, found_period, "from", from_ms), ONE(SHAPE_TIME, found_period, "to", to_ms),
    ONE(SHAPE_U64, found_period, "messages", messages), ONE(SHAPE_U64, found_period, "envelopes", envelopes),
    ONE(SHAPE_U64, found_period, "bytes", bytes), ONE(SHAPE_U64, found_period, "addresses", addresses),
    PART(found_period, "share", share, share)};
SHAPE(period, found_period, period_fields);

static const struct shape_field live_fields[] = {ONE(SHAPE_TIME, found_live, "from", from_ms), ONE(SHAPE_ESTIMATE, found_live, "live", live)};
SHAPE(live, found_live, live_fields);

static const struct shape_field trait_fields[] = {
    ONE(SHAPE_TEXT, found_trait, "name", name), ONE(SHAPE_TEXT, found_trait, "value", value), ONE(SHAPE_U64, found_trait, "n", n),
    ONE(SHAPE_U64, found_trait, "of", of)};
SHAPE(trait, found_trait, trait_fields);

static const struct shape_field change_fields[] = {
    ONE(SHAPE_TEXT, found_change, "kind", kind), ONE(SHAPE_TEXT, found_change, "cause", cause), ONE(SHAPE_TIME, found_change, "at", at_ms),
    ONE(SHAPE_TIME, found_change, "at_lo", at_lo_ms), ONE(SHAPE_TIME, found_change, "at_hi", at_hi_ms),
    ONE(SHAPE_TIME, found_change, "told", told_ms), ONE(SHAPE_TIME, found_change, "ended", ended_ms),
    ONE(SHAPE_ESTIMATE, found_change, "before", before), ONE(SHAPE_ESTIMATE, found_change, "after", after),
    ONE(SHAPE_REAL, found_change, "probability", probability)};
SHAPE(change, found_change, change_fields);

static const struct shape_field botnet_fields[] = {
    ONE(SHAPE_TEXT, found_botnet, "name", name), ONE(SHAPE_BOOL, found_botnet, "subject", is_subject),
    ONE(SHAPE_BOOL, found_botnet, "described", is_described), ONE(SHAPE_TIME, found_botnet, "first", first_ms),
    ONE(SHAPE_TIME, found_botnet, "last", last_ms), ONE(SHAPE_U64, found_botnet, "messages", messages),
    ONE(SHAPE_U64, found_botnet, "envelopes", envelopes), ONE(SHAPE_U64, found_botnet, "bytes", bytes),
    PART(found_botnet, "whole", whole, period), LIST(found_botnet, "hours", hour, n_hours, 20000, period),
    LIST(found_botnet, "days", day, n_days, 2000, period), ONE(SHAPE_ESTIMATE, found_botnet, "addresses", addresses),
    ONE(SHAPE_ESTIMATE, found_botnet, "live", live), ONE(SHAPE_ESTIMATE, found_botnet, "within_hour", within_hour),
    ONE(SHAPE_ESTIMATE, found_botnet, "ever", ever),
    ONE(SHAPE_REAL, found_botnet, "lease_ms", lease_ms), ONE(SHAPE_REAL, found_botnet, "machines_an_address", machines_an_address),
    ONE(SHAPE_TEXT, found_botnet, "doubt", doubt), LIST(found_botnet, "windows", window, n_windows, 20000, live),
    TEXTS(found_botnet, "mailers", mailer, n_mailers, 64), ONE(SHAPE_TEXT, found_botnet, "family", family),
    ONE(SHAPE_REAL, found_botnet, "family_probability", family_probability), LIST(found_botnet, "reasons", reason, n_reasons, 64, reason),
    LIST(found_botnet, "traits", trait, n_traits, 256, trait), LIST(found_botnet, "changes", change, n_changes, 1000, change),
    ONE(SHAPE_TIME, found_botnet, "quiet_since", quiet_since_ms)};
SHAPE(botnet, found_botnet, botnet_fields);

static const struct shape_field hour_fields[] = {
    ONE(SHAPE_TIME, found_hour, "from", from_ms), ONE(SHAPE_U64, found_hour, "messages", messages),
    ONE(SHAPE_U64, found_hour, "envelopes", envelopes), ONE(SHAPE_U64, found_hour, "addresses", addresses),
    ONE(SHAPE_U64, found_hour, "bytes", bytes)};
SHAPE(hour, found_hour, hour_fields);

static const struct shape_field piece_fields[] = {
    ONE(SHAPE_TEXT, found_piece, "anchor", anchor), ONE(SHAPE_TEXT, found_piece, "slot", slot),
    ONE(SHAPE_BOOL, found_piece, "floating", is_floating), ONE(SHAPE_BOOL, found_piece, "may_be_empty", may_be_empty),
    ONE(SHAPE_BOOL, found_piece, "closed", is_closed), ONE(SHAPE_U64, found_piece, "least", least), ONE(SHAPE_U64, found_piece, "most", most),
    ONE(SHAPE_TEXT, found_piece, "alphabet", alphabet), TEXTS(found_piece, "words", word, n_words, 256),
    ONE(SHAPE_U32, found_piece, "permille", permille)};
SHAPE(piece, found_piece, piece_fields);

static const struct shape_field template_fields[] = {
    ONE(SHAPE_U32, found_template, "version", version), ONE(SHAPE_U32, found_template, "texts", texts),
    ONE(SHAPE_TIME, found_template, "first", first_ms), ONE(SHAPE_TIME, found_template, "made", made_ms),
    ONE(SHAPE_TIME, found_template, "held", held_ms), ONE(SHAPE_U64, found_template, "seen", seen),
    ONE(SHAPE_U64, found_template, "matched", matched), ONE(SHAPE_TEXT, found_template, "proof", proof),
    ONE(SHAPE_TEXT, found_template, "refused", refused), ONE(SHAPE_TEXT, found_template, "signature", signature),
    LIST(found_template, "subject", subject, n_subjects, 1000, piece), LIST(found_template, "text", text, n_texts, 1000, piece)};
SHAPE(template, found_template, template_fields);

static const struct shape_field sample_fields[] = {
    ONE(SHAPE_U64, found_sample, "exhibit", exhibit), ONE(SHAPE_TIME, found_sample, "time", time_ms)};
SHAPE(sample, found_sample, sample_fields);

static const struct shape_field campaign_fields[] = {
    ONE(SHAPE_TEXT, found_campaign, "id", id), ONE(SHAPE_TEXT, found_campaign, "botnet", botnet),
    ONE(SHAPE_REAL, found_campaign, "botnet_probability", botnet_probability), ONE(SHAPE_TEXT, found_campaign, "botnet_doubt", botnet_doubt),
    LIST(found_campaign, "reasons", reason, n_reasons, 64, reason), ONE(SHAPE_TIME, found_campaign, "first", first_ms),
    ONE(SHAPE_TIME, found_campaign, "last", last_ms), ONE(SHAPE_U64, found_campaign, "messages", messages),
    ONE(SHAPE_U64, found_campaign, "envelopes", envelopes), ONE(SHAPE_U64, found_campaign, "bytes", bytes),
    ONE(SHAPE_U64, found_campaign, "spam", spam), ONE(SHAPE_U64, found_campaign, "networks", networks),
    ONE(SHAPE_ESTIMATE, found_campaign, "sources", sources), ONE(SHAPE_REAL, found_campaign, "confidence", confidence),
    ONE(SHAPE_TEXT, found_campaign, "doubt", doubt), LIST(found_campaign, "hours", hour, n_hours, 20000, hour),
    LIST(found_campaign, "templates", template, n_templates, 64, template), LIST(found_campaign, "languages", language, n_languages, 64, count),
    LIST(found_campaign, "links", link, n_links, 1000, count), LIST(found_campaign, "files", file, n_files, 1000, count),
    LIST(found_campaign, "marks", mark, n_marks, 1000, count), LIST(found_campaign, "to", to, n_tos, 1000, count),
    LIST(found_campaign, "mailers", mailer, n_mailers, 64, count), LIST(found_campaign, "systems", system, n_systems, 64, count),
    LIST(found_campaign, "samples", sample, n_samples, 1000, sample)};
SHAPE(campaign, found_campaign, campaign_fields);

static const struct shape_field source_fields[] = {
    ONE(SHAPE_IP, found_source, "ip", ip), PART(found_source, "network", network, network), ONE(SHAPE_TEXT, found_source, "campaign", campaign),
    ONE(SHAPE_TEXT, found_source, "botnet", botnet), ONE(SHAPE_U64, found_source, "messages", messages),
    ONE(SHAPE_BOOL, found_source, "sampled", is_sampled), ONE(SHAPE_TIME, found_source, "first", first_ms),
    ONE(SHAPE_TIME, found_source, "last", last_ms)};
SHAPE(source, found_source, source_fields);

static const struct shape_field controller_fields[] = {
    ONE(SHAPE_IP, found_controller, "ip", ip), ONE(SHAPE_TEXT, found_controller, "name", name), ONE(SHAPE_U32, found_controller, "port", port),
    ONE(SHAPE_TEXT, found_controller, "proto", proto), ONE(SHAPE_BOOL, found_controller, "by_name", is_by_name),
    ONE(SHAPE_BOOL, found_controller, "inside", is_inside), ONE(SHAPE_TEXT, found_controller, "incident", incident),
    ONE(SHAPE_REAL, found_controller, "probability", probability), ONE(SHAPE_REAL, found_controller, "bits", bits),
    ONE(SHAPE_REAL, found_controller, "false_discovery", false_discovery),
    LIST(found_controller, "reasons", reason, n_reasons, 64, reason), PART(found_controller, "network", network, network),
    ONE(SHAPE_TIME, found_controller, "first", first_ms), ONE(SHAPE_TIME, found_controller, "last", last_ms),
    ONE(SHAPE_U64, found_controller, "hosts_total", hosts_total), ONE(SHAPE_U64, found_controller, "acting_total", acting_total),
    TEXTS(found_controller, "hosts", host, n_hosts, 100000), ONE(SHAPE_U64, found_controller, "exhibit", exhibit)};
SHAPE(controller, found_controller, controller_fields);

static const struct shape_field host_fields[] = {
    ONE(SHAPE_IP, found_host, "ip", ip), ONE(SHAPE_TEXT, found_host, "name", name), PART(found_host, "network", network, network),
    TEXTS(found_host, "acts", act, n_acts, 16), ONE(SHAPE_REAL, found_host, "probability", probability),
    ONE(SHAPE_REAL, found_host, "bits", bits), LIST(found_host, "reasons", reason, n_reasons, 64, reason),
    ONE(SHAPE_TEXT, found_host, "incident", incident), ONE(SHAPE_TIME, found_host, "first", first_ms),
    ONE(SHAPE_TIME, found_host, "last", last_ms), ONE(SHAPE_U64, found_host, "flows", flows),
    ONE(SHAPE_U64, found_host, "mail_servers", mail_servers), ONE(SHAPE_U64, found_host, "mail_failed", mail_failed),
    ONE(SHAPE_U64, found_host, "scanned", scanned), ONE(SHAPE_U64, found_host, "nxdomain", nxdomain),
    ONE(SHAPE_U64, found_host, "exhibit", exhibit)};
SHAPE(host, found_host, host_fields);

static const struct shape_field money_fields[] = {
    ONE(SHAPE_TEXT, found_money, "kind", kind), ONE(SHAPE_TEXT, found_money, "text", text),
    ONE(SHAPE_TEXT, found_money, "campaign", campaign), ONE(SHAPE_U64, found_money, "n", n)};
SHAPE(money, found_money, money_fields);

static const struct shape_field doubt_fields[] = {ONE(SHAPE_TEXT, found_doubt, "about", about), ONE(SHAPE_TEXT, found_doubt, "text", text)};
SHAPE(doubt, found_doubt, doubt_fields);

static const struct shape_field taker_fields[] = {
    ONE(SHAPE_TEXT, found_taker, "name", name), ONE(SHAPE_ESTIMATE, found_taker, "before", before),
    ONE(SHAPE_ESTIMATE, found_taker, "after", after), ONE(SHAPE_ESTIMATE, found_taker, "gained", gained),
    ONE(SHAPE_ESTIMATE, found_taker, "messages_before", messages_before), ONE(SHAPE_ESTIMATE, found_taker, "messages_after", messages_after)};
SHAPE(taker, found_taker, taker_fields);

static const struct shape_field return_fields[] = {
    ONE(SHAPE_IP, found_return, "ip", ip), ONE(SHAPE_TEXT, found_return, "was", was), ONE(SHAPE_TEXT, found_return, "is", is),
    ONE(SHAPE_TEXT, found_return, "campaign", campaign), ONE(SHAPE_TIME, found_return, "first", first_ms)};
SHAPE(back, found_return, return_fields);

static const struct shape_field watch_fields[] = {
    ONE(SHAPE_TIME, found_watch, "action_at", action_ms), ONE(SHAPE_TEXT, found_watch, "action", action),
    ONE(SHAPE_TIME, found_watch, "seen", seen_ms), ONE(SHAPE_TEXT, found_watch, "verdict", verdict),
    ONE(SHAPE_TEXT, found_watch, "sentence", sentence), ONE(SHAPE_TEXT, found_watch, "cause", cause),
    ONE(SHAPE_TIME, found_watch, "since", since_ms), ONE(SHAPE_TIME, found_watch, "since_lo", since_lo_ms),
    ONE(SHAPE_TIME, found_watch, "since_hi", since_hi_ms), ONE(SHAPE_ESTIMATE, found_watch, "fell", fell),
    ONE(SHAPE_ESTIMATE, found_watch, "whole_fell", whole_fell), ONE(SHAPE_ESTIMATE, found_watch, "before", before),
    ONE(SHAPE_ESTIMATE, found_watch, "after", after), ONE(SHAPE_ESTIMATE, found_watch, "whole_before", whole_before),
    ONE(SHAPE_ESTIMATE, found_watch, "whole_after", whole_after), PART(found_watch, "was", was, period), PART(found_watch, "is", is, period),
    LIST(found_watch, "own_hours", own, n_own, 20000, hour), LIST(found_watch, "whole_hours", whole, n_whole, 20000, hour),
    LIST(found_watch, "takers", taker, n_takers, 1000, taker), LIST(found_watch, "back", back, n_backs, 100000, back),
    ONE(SHAPE_U64, found_watch, "back_total", backs_total), ONE(SHAPE_U64, found_watch, "hosts_total", hosts_total),
    ONE(SHAPE_U64, found_watch, "back_before", backs_before)};
SHAPE(watch, found_watch, watch_fields);

static const struct shape_field top_fields[] = {
    ONE(SHAPE_U32, findings, "version", version), ONE(SHAPE_TIME, findings, "made", made_ms), ONE(SHAPE_TEXT, findings, "tool", tool),
    ONE(SHAPE_TEXT, findings, "command", command), ONE(SHAPE_TEXT, findings, "subject", subject), ONE(SHAPE_TIME, findings, "from", from_ms),
    ONE(SHAPE_TIME, findings, "to", to_ms), PART(findings, "total", total, period),
    LIST(findings, "changes", change, n_changes, 1000, change), LIST(findings, "hours", hour, n_hours, 20000, hour),
    LIST(findings, "botnets", botnet, n_botnets, 5000, botnet), LIST(findings, "campaigns", campaign, n_campaigns, 10000, campaign),
    ONE(SHAPE_U64, findings, "campaigns_total", campaigns_total), LIST(findings, "sources", source, n_sources, 100000, source),
    ONE(SHAPE_U64, findings, "sources_total", sources_total), LIST(findings, "controllers", controller, n_controllers, 10000, controller),
    LIST(findings, "hosts", host, n_hosts, 100000, host), ONE(SHAPE_U64, findings, "hosts_total", hosts_total),
    LIST(findings, "money", money, n_moneys, 10000, money), LIST(findings, "doubts", doubt, n_doubts, 10000, doubt),
    {"watch", SHAPE_OBJECT, AT(findings, watch), 0, 0, &watch}};

const struct shape findings_shape = {sizeof(struct findings), sizeof top_fields / sizeof *top_fields, top_fields};
