using System.Security.Cryptography;
using System.Text.Json;
using BattKomp.Lab.Contracts;
using BattKomp.Lab.Domain.Access;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using State = BattKomp.Lab.Domain.Bookings.BookingState;

namespace BattKomp.Lab.Server.Features.Notices;

/// <summary>
/// Webhooks of labs, and the events that wait for them: CloudEvents 1.0 in structured JSON. An event tells that the time of channels changed hands, not
/// whose it is: no title, holder, purpose or reason leaves the house this way.
/// </summary>
public sealed class WebhookQueue(CalendarDatabase database, OutboxOptions options, Audit audit, Policy policy, MachineClock clock)
{
    /// <summary>Webhooks that one lab may have at a time.</summary>
    public const int MostOfOneLab = 20;

    private const string Columns =
        "w.name, w.lab, w.url, w.created_us, w.revoked_us, w.delivered_us, w.last_error, (SELECT count(*) FROM webhook_events e WHERE e.webhook = w.name AND e.due_us IS NOT NULL)";

    private static readonly TimeSpan KeepFor = TimeSpan.FromSeconds(2);
    private volatile Known? _known;

    /// <summary>Queues the event of a state for each webhook of the booking's labs, in the transaction that brings the state.</summary>
    internal async Task AddAsync(CalendarTransaction tx, StoredBooking booking, State to, State? from, CancellationToken cancel)
    {
        var known = await KnownAsync(tx, cancel);
        if (known.Count == 0) return;
        // Rig to lab by the webhooks' own labs: a booking over two labs is told to each of its own part only.
        var byLab = await LabsOfRigsAsync(tx, booking, cancel);
        foreach (var (webhook, lab) in known.Where(w => byLab.ContainsKey(w.Lab)))
        {
            var id = Guid.CreateVersion7().ToString();
            await tx.ExecuteAsync("INSERT INTO webhook_events (id, webhook, body, created_us, due_us) VALUES (@i, @w, @b, @t, @t)", cancel,
                ("i", id), ("w", webhook), ("b", EventOf(id, lab, byLab[lab], booking, to, from)), ("t", Micros.FromInstant(clock.Now)));
        }
    }

    internal Task<Webhook> CreateAsync(PersonCaller person, string lab, string url, CancellationToken cancel)
    {
        if (WebhookAddress.Problem(url, options.PrivateWebhooks) is { } problem) throw LabErrors.FieldsInvalid([("url", problem)]);
        var secret = RandomNumberGenerator.GetBytes(32);
        var webhook = new Webhook { Name = "webhooks/" + Guid.CreateVersion7().ToString("N"), Lab = lab, Url = url, CreateTime = Timestamps.FromInstant(clock.Now), Secret = WebhookSignature.Tell(secret) };
        return database.WriteAsync(async tx =>
        {
            if (tx.Dialect == "postgres") await tx.ExecuteAsync("SELECT pg_advisory_xact_lock(hashtextextended(@k, 9))", cancel, ("k", lab));
            if ((await ListAsync(tx, lab, cancel)).Count >= MostOfOneLab) throw LabErrors.FieldsInvalid([("lab", $"has {MostOfOneLab} webhooks; revoke one that is no longer used.")]);
            await tx.ExecuteAsync("INSERT INTO webhooks (name, lab, url, secret, created_by, created_us) VALUES (@n, @l, @u, @s, @p, @t)", cancel,
                ("n", webhook.Name), ("l", lab), ("u", url), ("s", secret), ("p", person.Name), ("t", Micros.FromInstant(clock.Now)));
            await audit.WriteAsync(tx, person.Name, "create-webhook", lab, "", webhook.Name, cancel);
            _known = null;
            return webhook;
        }, cancel);
    }

    internal Task<List<Webhook>> ListAsync(string lab, CancellationToken cancel) => database.ReadAsync(tx => ListAsync(tx, lab, cancel), cancel);

    internal Task<Webhook> RevokeAsync(PersonCaller person, string name, CancellationToken cancel) => database.WriteAsync(async tx =>
    {
        var found = (await tx.QueryAsync($"SELECT {Columns} FROM webhooks w WHERE w.name = @n", Map, cancel, ("n", name))).SingleOrDefault();
        if (found is null || !person.Manages(found.Lab)) throw LabErrors.NotFound(name);
        policy.RequireManager(person, found.Lab, $"revoke {name}");
        if (found.RevokeTime is not null) return found;
        await tx.ExecuteAsync("UPDATE webhooks SET revoked_us = @t WHERE name = @n", cancel, ("t", Micros.FromInstant(clock.Now)), ("n", name));
        await tx.ExecuteAsync("DELETE FROM webhook_events WHERE webhook = @n", cancel, ("n", name));
        await audit.WriteAsync(tx, person.Name, "revoke-webhook", found.Lab, "", name, cancel);
        _known = null;
        (found.RevokeTime, found.Waiting) = (Timestamps.FromInstant(clock.Now), 0);
        return found;
    }, cancel);

    private static Task<List<Webhook>> ListAsync(CalendarTransaction tx, string lab, CancellationToken cancel) =>
        tx.QueryAsync($"SELECT {Columns} FROM webhooks w WHERE w.lab = @l AND w.revoked_us IS NULL ORDER BY w.created_us, w.name", Map, cancel, ("l", lab));

    // Most labs have none, and a booking must not pay for asking: what is known is kept for two seconds, and a new webhook hears what happens from then on.
    private async ValueTask<IReadOnlyList<(string Name, string Lab)>> KnownAsync(CalendarTransaction tx, CancellationToken cancel)
    {
        if (_known is { } known && clock.Provider.GetElapsedTime(known.Stamp) < KeepFor) return known.Webhooks;
        var stamp = clock.Provider.GetTimestamp();
        var read = await tx.QueryAsync("SELECT name, lab FROM webhooks WHERE revoked_us IS NULL ORDER BY name", r => (r.GetString(0), r.GetString(1)), cancel);
        _known = new Known(stamp, read);
        return read;
    }

    private static async Task<Dictionary<string, List<string>>> LabsOfRigsAsync(CalendarTransaction tx, StoredBooking booking, CancellationToken cancel)
    {
        var labs = new Dictionary<string, List<string>>();
        foreach (var rig in booking.Message.Channels.GroupBy(ResourceNames.RigOf))
            foreach (var lab in await tx.QueryAsync("SELECT lab FROM rigs WHERE name = @n", r => r.GetString(0), cancel, ("n", rig.Key)))
            {
                if (!labs.TryGetValue(lab, out var channels)) labs[lab] = channels = [];
                channels.AddRange(rig);
            }
        return labs;
    }

    private byte[] EventOf(string id, string lab, IReadOnlyList<string> channels, StoredBooking booking, State to, State? from) => JsonSerializer.SerializeToUtf8Bytes(new
    {
        specversion = "1.0",
        id,
        source = "/" + lab,
        type = $"no.battkomp.lab.booking.{Word(to)}",
        subject = booking.Name,
        time = clock.Now.ToString("uuuu'-'MM'-'dd'T'HH':'mm':'ss.FFFFFF'Z'", System.Globalization.CultureInfo.InvariantCulture),
        datacontenttype = "application/json",
        data = new
        {
            booking = booking.Name,
            lab,
            channels,
            start = booking.Window.Start.ToString(),
            end = booking.Window.End.ToString(),
            state = Word(to),
            previous_state = from is { } was ? Word(was) : "",
        },
    });

    private static string Word(State state) => state == State.NoShow ? "no_show" : state.ToString().ToLowerInvariant();

    private static Webhook Map(System.Data.Common.DbDataReader row) => new()
    {
        Name = row.GetString(0),
        Lab = row.GetString(1),
        Url = row.GetString(2),
        CreateTime = Timestamps.FromMicros(row.GetInt64(3)),
        RevokeTime = Timestamps.FromMicros(row.IsDBNull(4) ? null : row.GetInt64(4)),
        LastDeliveryTime = Timestamps.FromMicros(row.IsDBNull(5) ? null : row.GetInt64(5)),
        LastError = row.GetString(6),
        Waiting = (int)row.GetInt64(7),
    };

    private sealed record Known(long Stamp, IReadOnlyList<(string Name, string Lab)> Webhooks);
}
