using System.Net;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Hosting.LocalPage;

/// <summary>The local page as HTML: no script, no foreign file, every control a button or a labelled field.</summary>
internal static class LocalPageHtml
{
    // Contrast at least 7:1 throughout: black on white, white on #9b0000.
    private const string Style = """
        body{font:1.1rem/1.5 system-ui,sans-serif;color:#000;background:#fff;margin:1rem auto;max-width:60rem;padding:0 1rem}
        section{border:2px solid #333;border-radius:.5rem;padding:0 1rem 1rem;margin:1rem 0}
        button{font:inherit;font-weight:bold;color:#fff;background:#9b0000;border:3px solid #9b0000;border-radius:.5rem;padding:.8rem 2rem;min-height:3.5rem;cursor:pointer}
        button.all{width:100%;font-size:1.6rem;padding:1.2rem}
        button:focus,input:focus,a:focus{outline:4px solid #00428a;outline-offset:3px}
        dt{font-weight:bold}dd{margin:0 0 .4rem}input{font:inherit;padding:.4rem;border:2px solid #333}
        .note{border-left:.5rem solid #9b0000;padding:.5rem 1rem;font-weight:bold}
        """;

    public static string Page(AgentStatus status, string token, bool pin, string note = "") => Document("Stop", $"""
        <h1>{E(status.Agent)}</h1>
        {(note.Length > 0 ? $"<p class=\"note\" role=\"alert\">{E(note)}</p>" : "")}
        {Form("", "STOP ALL CHANNELS", "all", token, pin, "all")}
        <p><a href="/">Show the present state</a></p>
        <dl>
        <dt>Server</dt><dd>{(status.ServerConnected ? "connected" : "not connected: records are kept here, stops work")}</dd>
        <dt>Journal</dt><dd>{status.JournalUsed:P1} full, {status.EntriesWaiting} entries wait for the server</dd>
        {(status.Watchdog is { } watchdog ? $"<dt>Watchdog</dt><dd>{E(watchdog)}</dd>" : "")}
        </dl>
        {string.Concat(status.Channels.Select((c, k) => Channel(c, k, token, pin)))}
        """);

    public static string Stopped(IReadOnlyList<OrderDone> done) => Document("Stopped", $"""
        <h1>{(done.Count > 0 && done.All(d => d.Done) ? "Stopped" : "Not proved stopped")}</h1>
        <ul>{string.Concat(done.Select(d => $"<li>{E(d.Channel)}: {(d.Done ? $"safe after {d.SecondsToSafe:0.000} s" : $"<strong>not proved off after {d.SecondsToSafe:0.000} s</strong>")}{(d.Detail.Length > 0 ? $" ({E(d.Detail)})" : "")}</li>"))}</ul>
        {(done.Count == 0 ? "<p>No such channel.</p>" : "<p>Each stays locked until a person releases it on the server.</p>")}
        <p><a href="/">Back to all channels</a></p>
        """);

    private static string Channel(ChannelStatus c, int k, string token, bool pin) => $"""
        <section aria-labelledby="c{k}"><h2 id="c{k}">{E(c.Channel)}</h2>
        {(c.Locked is { } locked ? $"<p class=\"note\">Locked: {E(locked)}</p>" : "")}
        {string.Concat(c.Alarms.Select(a => $"<p class=\"note\">Alarm: {E(a)}</p>"))}
        <dl><dt>State</dt><dd>{E(c.State)}{(c.Detail.Length > 0 ? $", {E(c.Detail)}" : "")}</dd>
        <dt>Last reading</dt><dd>{(c.Reading.Length > 0 ? E(c.Reading) : "none")}</dd>
        <dt>Lease</dt><dd>{(c.Lease.Length > 0 ? E(c.Lease) : "none")}</dd>
        <dt>Run</dt><dd>{(c.Run.Length > 0 ? E(c.Run) : "none")}</dd></dl>
        {Form(c.Channel, $"STOP {c.Channel}", "", token, pin, $"{k}")}
        </section>
        """;

    private static string Form(string channel, string label, string look, string token, bool pin, string id) => $"""
        <form method="post" action="/stop"><input type="hidden" name="token" value="{token}"><input type="hidden" name="channel" value="{E(channel)}">
        <p><label for="r{id}">Reason</label> <input id="r{id}" name="reason" maxlength="200" autocomplete="off">
        {(pin ? $"<label for=\"p{id}\">PIN</label> <input id=\"p{id}\" name=\"pin\" type=\"password\" inputmode=\"numeric\" autocomplete=\"off\" required>" : "")}</p>
        <button class="{look}">{E(label)}</button></form>
        """;

    private static string Document(string title, string body) => $"""
        <!DOCTYPE html>
        <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>{title} – edge agent</title><style>{Style}</style></head>
        <body><main>{body}</main></body></html>
        """;

    private static string E(string text) => WebUtility.HtmlEncode(text);
}
