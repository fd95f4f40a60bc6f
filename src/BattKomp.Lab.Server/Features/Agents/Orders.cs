using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.V1;
using Google.Protobuf;

namespace BattKomp.Lab.Server.Features.Agents;

/// <summary>What kind of order it is; a lease is answered by LeaseTaken, the rest by OrderDone.</summary>
public enum OrderKind
{
    /// <summary>A signed lease.</summary>
    Lease,

    /// <summary>Safe stop of a lease.</summary>
    EndLease,

    /// <summary>Stop of a channel.</summary>
    Stop,

    /// <summary>Release of a stopped channel.</summary>
    Release,
}

/// <summary>An order as stored.</summary>
/// <param name="Id">Ascending in the order of giving.</param>
/// <param name="Batch">Orders given together, awaited together.</param>
/// <param name="Agent">agents/… it is for.</param>
/// <param name="Kind">What is ordered.</param>
/// <param name="Channel">rigs/…/channels/…; empty for leases.</param>
/// <param name="Run">runs/… it concerns; empty when none.</param>
/// <param name="Lease">leases/… it concerns; empty when none.</param>
/// <param name="Message">What is sent.</param>
public sealed record Order(string Id, string Batch, string Agent, OrderKind Kind, string Channel, string Run, string Lease, AgentOrder Message)
{
    /// <summary>The agent has answered.</summary>
    public bool Answered { get; init; }

    /// <summary>The agent did it.</summary>
    public bool Done { get; init; }

    /// <summary>Measured by the agent from order to output off, seconds.</summary>
    public double SecondsToSafe { get; init; }

    /// <summary>What the agent said.</summary>
    public string Detail { get; init; } = "";
}

/// <summary>
/// Orders to agents, durable in the calendar database until answered: they survive a broken line, the agent's restart and
/// the server's. Given inside the transaction of the decision; <see cref="Wake"/> after its commit only makes it quick.
/// </summary>
public sealed class Orders(CalendarDatabase database, MachineClock clock)
{
    private const string Columns = "id, batch, agent, kind, channel, run, lease, doc, answered_us, done, seconds_to_safe, detail";
    private readonly Pulse _given = new();
    private readonly Pulse _answered = new();
    private int _counter;

    /// <summary>Completes when orders were given here.</summary>
    public Task Given => _given.Next;

    /// <summary>Sends what was given, now.</summary>
    public void Wake() => _given.Beat();

    /// <summary>Stores an order; its id and the message's order_id are chosen here.</summary>
    public Task GiveAsync(CalendarTransaction tx, Order order, CancellationToken cancel)
    {
        var now = Micros.FromInstant(clock.Now);
        // Ascends within this process even inside one microsecond; the tail keeps two servers apart.
        var id = $"{now:x14}-{Interlocked.Increment(ref _counter) & 0xffff:x4}-{Guid.NewGuid().ToString("N")[..8]}";
        var message = order.Message.Clone();
        message.OrderId = id;
        return tx.ExecuteAsync(
            "INSERT INTO orders (id, batch, agent, kind, channel, run, lease, created_us, doc) VALUES (@i, @b, @a, @k, @c, @r, @l, @t, @d)", cancel,
            ("i", id), ("b", order.Batch), ("a", order.Agent), ("k", order.Kind.ToString()), ("c", order.Channel), ("r", order.Run), ("l", order.Lease),
            ("t", now), ("d", message.ToByteArray()));
    }

    /// <summary>What the agent has not answered, oldest first.</summary>
    public Task<List<Order>> WaitingAsync(string agent, CancellationToken cancel) => database.ReadAsync(tx => tx.QueryAsync(
        $"SELECT {Columns} FROM orders WHERE agent = @a AND answered_us IS NULL ORDER BY id LIMIT 1000", Map, cancel, ("a", agent)), cancel);

    /// <summary>
    /// Keeps the agent's answer to one of its orders and returns the order; null when it is not one of the agent's, or was
    /// answered before.
    /// </summary>
    public async Task<Order?> AnswerAsync(CalendarTransaction tx, string agent, string id, bool done, double secondsToSafe, string detail, CancellationToken cancel)
    {
        var rows = await tx.ExecuteAsync(
            "UPDATE orders SET answered_us = @t, done = @done, seconds_to_safe = @s, detail = @d WHERE id = @i AND agent = @a AND answered_us IS NULL", cancel,
            ("t", Micros.FromInstant(clock.Now)), ("done", done ? 1L : 0L), ("s", secondsToSafe), ("d", detail), ("i", id), ("a", agent));
        return rows == 0 ? null : (await tx.QueryAsync($"SELECT {Columns} FROM orders WHERE id = @i", Map, cancel, ("i", id))).Single();
    }

    /// <summary>Takes back every unanswered order of one kind for a lease: it has become pointless.</summary>
    public Task WithdrawAsync(CalendarTransaction tx, OrderKind kind, string lease, string why, CancellationToken cancel) => tx.ExecuteAsync(
        "UPDATE orders SET answered_us = @t, detail = @w WHERE lease = @l AND kind = @k AND answered_us IS NULL", cancel,
        ("t", Micros.FromInstant(clock.Now)), ("w", "withdrawn: " + why), ("l", lease), ("k", kind.ToString()));

    /// <summary>Takes back every unanswered order of one kind for a channel.</summary>
    public Task WithdrawOfChannelAsync(CalendarTransaction tx, OrderKind kind, string channel, string why, CancellationToken cancel) => tx.ExecuteAsync(
        "UPDATE orders SET answered_us = @t, detail = @w WHERE channel = @c AND kind = @k AND answered_us IS NULL", cancel,
        ("t", Micros.FromInstant(clock.Now)), ("w", "withdrawn: " + why), ("c", channel), ("k", kind.ToString()));

    /// <summary>The unanswered lease order of a lease for an agent; null when there is none.</summary>
    public async Task<Order?> FindLeaseOrderAsync(CalendarTransaction tx, string agent, string lease, CancellationToken cancel) => (await tx.QueryAsync(
        $"SELECT {Columns} FROM orders WHERE agent = @a AND lease = @l AND kind = 'Lease' AND answered_us IS NULL ORDER BY id LIMIT 1", Map, cancel,
        ("a", agent), ("l", lease))).SingleOrDefault();

    /// <summary>True while an order of the kind for a lease is not answered.</summary>
    public async Task<bool> IsWaitingAsync(OrderKind kind, string lease, CancellationToken cancel) => (await database.ReadAsync(tx => tx.QueryAsync(
        "SELECT id FROM orders WHERE lease = @l AND lease <> '' AND kind = @k AND answered_us IS NULL", r => r.GetString(0), cancel, ("l", lease), ("k", kind.ToString())), cancel)).Count > 0;

    /// <summary>Tells waiters that an answer was committed.</summary>
    public void NoteAnswered() => _answered.Beat();

    /// <summary>The batch when every order of it is answered, or as it stands after <paramref name="longest"/>.</summary>
    public async Task<IReadOnlyList<Order>> AwaitBatchAsync(string batch, TimeSpan longest, CancellationToken cancel)
    {
        var started = clock.Provider.GetTimestamp();
        while (true)
        {
            var next = _answered.Next;
            var orders = await database.ReadAsync(tx => tx.QueryAsync(
                $"SELECT {Columns} FROM orders WHERE batch = @b ORDER BY id", Map, cancel, ("b", batch)), cancel);
            var left = longest - clock.Provider.GetElapsedTime(started);
            if (left <= TimeSpan.Zero || orders.All(o => o.Answered)) return orders;
            // An answer that another server took gives no beat here: look again at least twice a second.
            await Pulse.WaitAsync(next, left < HalfSecond ? left : HalfSecond, clock.Provider, cancel);
        }
    }

    private static readonly TimeSpan HalfSecond = TimeSpan.FromSeconds(0.5);

    private static Order Map(System.Data.Common.DbDataReader row) => new(
        row.GetString(0), row.GetString(1), row.GetString(2), Enum.Parse<OrderKind>(row.GetString(3)), row.GetString(4), row.GetString(5), row.GetString(6),
        AgentOrder.Parser.ParseFrom(row.GetFieldValue<byte[]>(7)))
    {
        Answered = !row.IsDBNull(8),
        Done = row.GetInt64(9) != 0,
        SecondsToSafe = row.GetDouble(10),
        Detail = row.GetString(11),
    };
}
