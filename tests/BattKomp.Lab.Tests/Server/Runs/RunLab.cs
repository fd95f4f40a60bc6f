using BattKomp.Lab.Server.Features.Leases;
using BattKomp.Lab.Server.Features.Runs;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Server.Platform.Sweeps;
using BattKomp.Lab.Tests.Server.Ingest;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Runs;

/// <summary>A lab whose clock work is started by the test and whose wall clock can be set forward.</summary>
public sealed class RunLab : IAsyncDisposable
{
    private RunLab(TestLab lab, ShiftedTime time) => (Lab, Time) = (lab, time);

    public TestLab Lab { get; }

    public ShiftedTime Time { get; }

    public static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static async Task<RunLab> StartAsync(string dialect = "sqlite", Action<LabOptions>? settings = null)
    {
        var time = new ShiftedTime();
        var connection = dialect == "postgres" ? await PostgresFixture.NewDatabaseAsync() : "";
        var lab = await TestLab.StartAsync(o =>
        {
            (o.Calendar, o.PostgresConnection) = (dialect, connection);
            (o.Runs.SweepSeconds, o.Runs.SettleSeconds) = (0, 0);
            settings?.Invoke(o);
        }, time);
        return new RunLab(lab, time);
    }

    public RunService.RunServiceClient Runs(string token) => new(Lab.As(token));

    public BookingService.BookingServiceClient Bookings(string token) => new(Lab.As(token));

    public T Get<T>() where T : notnull => Lab.Services.GetRequiredService<T>();

    /// <summary>Runs one sweep once.</summary>
    public Task SweepAsync<T>() where T : class, ISweep => Get<T>().RunAsync(Cancel);

    /// <summary>Books [now, now + 1 h).</summary>
    public async Task<Booking> BookAsync(string token = TestSeed.DoctoralStudent, string procedure = "", VisibilityKind visibility = VisibilityKind.Open, params string[] channels)
    {
        var now = Time.GetUtcNow();
        now = now.AddTicks(-(now.Ticks % 10_000_000));
        var wish = new Booking
        {
            Window = new TimeWindow { Start = Timestamp.FromDateTimeOffset(now), End = Timestamp.FromDateTimeOffset(now.AddHours(1)) },
            Purpose = "research",
            ActivityClass = "research",
            EducationLevel = "none",
            Headcount = 1,
            Presence = Presence.OnSite,
            Title = "A cell",
            Procedure = procedure,
            Visibility = new Visibility { Kind = visibility },
        };
        wish.Channels.AddRange(channels.Length > 0 ? channels : [TestSeed.EbcChannel]);
        return await Bookings(token).CreateBookingAsync(new CreateBookingRequest { Booking = wish }, cancellationToken: Cancel);
    }

    /// <summary>The booking as its holder sees it.</summary>
    public async Task<Booking> BookingAsync(string name, string token = TestSeed.DoctoralStudent) =>
        await Bookings(token).GetBookingAsync(new GetBookingRequest { Name = name }, cancellationToken: Cancel);

    public async Task<Run> RunAsync(string name, string token = TestSeed.DoctoralStudent) =>
        await Runs(token).GetRunAsync(new GetRunRequest { Name = name }, cancellationToken: Cancel);

    public async Task<Run> AwaitStateAsync(string run, RunState state)
    {
        await Eventually.Async(async () => (await RunAsync(run)).State == state, TimeSpan.FromSeconds(15), $"{run} becomes {state}");
        return await RunAsync(run);
    }

    public Task<long> CountAsync(string table) => Get<CalendarDatabase>().ReadAsync(
        async tx => (await tx.QueryAsync($"SELECT count(*) FROM {table}", r => Convert.ToInt64(r.GetValue(0)), Cancel)).Single(), Cancel);

    /// <summary>Delivers a whole stream: opening, records 1…last, close. Returns the acknowledgement of the last record.</summary>
    public async Task<Ack> DeliverAsync(string channel, string lease, string run, string stream = "s1", long last = 20, string token = TestSeed.Agent, string agent = TestSeed.AgentName, bool close = true)
    {
        var key = IngestLab.Key(stream, agent: agent);
        using var line = await IngestLine.OpenAsync(Lab, token, agent);
        await line.SendAsync(Opened(key, channel, lease, run), IngestLab.Records(key, 1, last));
        var ack = await line.AckOfAsync(key, last);
        if (close) await line.SendAsync(IngestLab.Closed(key, last));
        await line.EndAsync();
        return ack;
    }

    /// <summary>An opening now.</summary>
    public Entry Opened(StreamKey key, string channel, string lease, string run)
    {
        var opened = IngestLab.Opened(key, lease, channel);
        opened.Opened.Run = run;
        opened.Opened.AnchorMachineUtcNs = (Time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks * 100;
        return opened;
    }

    public ValueTask DisposeAsync() => Lab.DisposeAsync();
}
