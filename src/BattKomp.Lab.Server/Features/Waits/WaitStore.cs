using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;
using Google.Protobuf;

namespace BattKomp.Lab.Server.Features.Waits;

/// <summary>A wait as stored.</summary>
/// <param name="Message">Everything but its place in the line.</param>
/// <param name="Holder">persons/…</param>
/// <param name="Organisation">Under whose share it stands.</param>
internal sealed record StoredWait(Wait Message, string Holder, string Organisation)
{
    internal string Name => Message.Name;
}

/// <summary>Rows of waits.</summary>
internal static class WaitStore
{
    private const string Columns = "name, state, holder, organisation, displaced, offer, offer_expire_us, created_us, doc";

    internal static Task InsertAsync(CalendarTransaction tx, StoredWait wait, long nowUs, CancellationToken cancel) => tx.ExecuteAsync(
        "INSERT INTO waits (name, state, holder, organisation, displaced, until_us, created_us, changed_us, doc) VALUES (@n, 1, @h, @o, @d, @u, @t, @t, @doc)", cancel,
        ("n", wait.Name), ("h", wait.Holder), ("o", wait.Organisation), ("d", wait.Message.Displaced ? 1 : 0), ("u", Micros.FromInstant(BookingTimes.Instant(wait.Message.Search.Within.End))), ("t", nowUs),
        ("doc", wait.Message.ToByteArray()));

    /// <summary>Those that wait or have an offer, oldest first.</summary>
    internal static Task<List<StoredWait>> OpenAsync(CalendarTransaction tx, CancellationToken cancel) =>
        tx.QueryAsync($"SELECT {Columns} FROM waits WHERE state IN (1, 2) ORDER BY created_us, name", Map, cancel);

    internal static Task<List<StoredWait>> OfAsync(CalendarTransaction tx, string holder, bool ended, CancellationToken cancel) =>
        tx.QueryAsync($"SELECT {Columns} FROM waits WHERE holder = @h {(ended ? "" : "AND state IN (1, 2)")} ORDER BY created_us DESC, name DESC LIMIT 200", Map, cancel, ("h", holder));

    internal static async Task<StoredWait?> FindAsync(CalendarTransaction tx, string name, CancellationToken cancel) =>
        (await tx.QueryAsync($"SELECT {Columns} FROM waits WHERE name = @n", Map, cancel, ("n", name))).SingleOrDefault();

    /// <summary>Moves a wait that is still where it was; false when somebody was faster.</summary>
    internal static async Task<bool> MoveAsync(CalendarTransaction tx, string name, WaitState from, WaitState to, long nowUs, CancellationToken cancel, string offer = "", long? expireUs = null) => await tx.ExecuteAsync(
        "UPDATE waits SET state = @to, changed_us = @t, offer = CASE WHEN @o = '' THEN offer ELSE @o END, offer_expire_us = coalesce(@e, offer_expire_us) WHERE name = @n AND state = @from", cancel,
        ("to", (int)to), ("from", (int)from), ("t", nowUs), ("o", offer), ("e", expireUs), ("n", name)) == 1;

    private static StoredWait Map(System.Data.Common.DbDataReader row)
    {
        var wait = Wait.Parser.ParseFrom(row.GetFieldValue<byte[]>(8));
        (wait.Name, wait.State, wait.Offer, wait.Displaced, wait.CreateTime) = (row.GetString(0), (WaitState)row.GetInt32(1), row.GetString(5), row.GetInt32(4) != 0, BookingTimes.Stamp(row.GetInt64(7)));
        wait.OfferExpireTime = wait.State == WaitState.Offered && !row.IsDBNull(6) ? BookingTimes.Stamp(row.GetInt64(6)) : null;
        return new StoredWait(wait, row.GetString(2), row.GetString(3));
    }
}
