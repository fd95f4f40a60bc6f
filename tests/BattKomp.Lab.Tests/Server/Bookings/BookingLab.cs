using BattKomp.Lab.Contracts;
using BattKomp.Lab.Server.Features.Bookings;
using BattKomp.Lab.Server.Platform;
using BattKomp.Lab.Server.Platform.Database;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using NodaTime;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Bookings;

/// <summary>One lab for all tests of a class.</summary>
public abstract class BookingLabFixture(string dialect) : IAsyncLifetime
{
    /// <summary>The lab.</summary>
    public BookingLab Lab { get; private set; } = null!;

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => Lab = await BookingLab.StartAsync(dialect);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Lab?.DisposeAsync() ?? ValueTask.CompletedTask;
}

/// <summary>On the embedded database.</summary>
public sealed class SqliteLab() : BookingLabFixture("sqlite");

/// <summary>On a real PostgreSQL.</summary>
public sealed class PostgresLab() : BookingLabFixture("postgres");

/// <summary>A running lab with short ways to say what a booking test wants to say.</summary>
public sealed class BookingLab : IAsyncDisposable
{
    private int _days;

    private BookingLab(TestLab lab) => Lab = lab;

    /// <summary>The server.</summary>
    public TestLab Lab { get; }

    /// <summary>The last whole hour of machine time, moved on by <see cref="NewDays"/>: windows are told as hours from it.</summary>
    public Instant Hour0 { get; private set; } = Instant.FromUnixTimeSeconds(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() / 3600 * 3600);

    /// <summary>Moves to days that no test before has booked in.</summary>
    public BookingLab NewDays()
    {
        Hour0 = Instant.FromUnixTimeSeconds(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() / 3600 * 3600) + Duration.FromDays(10 * ++_days);
        return this;
    }

    /// <summary>Starts one on the dialect; PostgreSQL gets a new database.</summary>
    public static async Task<BookingLab> StartAsync(
        string dialect, Action<LabOptions>? settings = null, Action<WebApplicationBuilder>? configure = null, string? dataDirectory = null, string? connection = null, TimeProvider? time = null)
    {
        connection ??= dialect == "postgres" ? await PostgresFixture.NewDatabaseAsync() : "";
        return new BookingLab(await TestLab.StartAsync(o =>
        {
            (o.Calendar, o.PostgresConnection) = (dialect, connection);
            settings?.Invoke(o);
        }, time, configure, dataDirectory));
    }

    /// <summary>A client with a token.</summary>
    public BookingService.BookingServiceClient As(string token) => new(Lab.As(token));

    /// <summary>[hour, hour + length) after <see cref="Hour0"/>.</summary>
    public TimeWindow Window(double hour, double hours) => new() { Start = Stamp(hour), End = Stamp(hour + hours) };

    /// <summary>A well-formed booking.</summary>
    public Booking Wish(double hour, double hours, params string[] channels)
    {
        var wish = new Booking
        {
            Window = Window(hour, hours),
            Purpose = "research",
            ActivityClass = "research",
            EducationLevel = "none",
            Headcount = 1,
            Presence = Presence.OnSite,
            Title = "A cell",
        };
        wish.Channels.AddRange(channels.Length > 0 ? channels : [TestSeed.EbcChannel]);
        return wish;
    }

    /// <summary>Books as the doctoral student.</summary>
    public Task<Booking> BookAsync(double hour, double hours, params string[] channels) => CreateAsync(TestSeed.DoctoralStudent, Wish(hour, hours, channels));

    /// <summary>Books a wish as somebody.</summary>
    public async Task<Booking> CreateAsync(string token, Booking wish, string requestId = "") =>
        await As(token).CreateBookingAsync(new CreateBookingRequest { Booking = wish, RequestId = requestId }, cancellationToken: TestContext.Current.CancellationToken);

    /// <summary>The refusal that a call must end in, with its reason checked.</summary>
    public static async Task<RpcException> RefusedAsync(Reason reason, Func<Task> call)
    {
        var error = await Assert.ThrowsAsync<RpcException>(call);
        var info = ErrorCatalogue.InfoOf(error);
        Assert.True(info is not null, $"{error.Status} carries no ErrorInfo");
        Assert.True(ErrorCatalogue.NameOf(reason) == info.Reason, $"expected {reason}, got {info.Reason}: {error.Status.Detail}");
        Assert.Equal((StatusCode)ErrorCatalogue.RuleOf(reason).Status, error.StatusCode);
        return error;
    }

    /// <summary>The violations of a booking that must be refused.</summary>
    public static async Task<IReadOnlyList<Violation>> ViolationsAsync(Func<Task> call)
    {
        var error = await RefusedAsync(Reason.BookingRefused, call);
        var refusal = error.GetRpcStatus()!.GetDetail<Refusal>()!;
        var failure = error.GetRpcStatus()!.GetDetail<Google.Rpc.PreconditionFailure>()!;
        Assert.Equal(refusal.Violations.Select(v => v.Reason), failure.Violations.Select(v => v.Type));
        Assert.All(refusal.Violations, v => Assert.False(string.IsNullOrWhiteSpace(v.Message)));
        return refusal.Violations;
    }

    /// <summary>Runs a statement outside the server's own paths, as a stray writer would.</summary>
    public Task<int> ExecuteAsync(string sql, params (string, object?)[] values) =>
        Lab.Services.GetRequiredService<CalendarDatabase>().WriteAsync(tx => tx.ExecuteAsync(sql, TestContext.Current.CancellationToken, values), TestContext.Current.CancellationToken);

    /// <summary>Runs SQL and returns the first column of the first row, or null.</summary>
    public Task<object?> ScalarAsync(string sql, params (string, object?)[] values) =>
        Lab.Services.GetRequiredService<CalendarDatabase>().ReadAsync(async tx =>
            (await tx.QueryAsync(sql, r => r.IsDBNull(0) ? null : r.GetValue(0), TestContext.Current.CancellationToken, values)).FirstOrDefault(), TestContext.Current.CancellationToken);

    /// <summary>A count by SQL.</summary>
    public async Task<long> CountAsync(string sql, params (string, object?)[] values) => Convert.ToInt64(await ScalarAsync(sql, values));

    /// <summary>Pairs of occupying rows that overlap on a resource: must be none. Asked in plain comparisons, not through the constraint's index.</summary>
    public Task<long> OverlapsAsync()
    {
        var (start, end) = Lab.Options.Calendar == "postgres" ? ("lower({0}.during)", "upper({0}.during)") : ("{0}.start_us", "{0}.end_us");
        return CountAsync("SELECT count(*) FROM occupancy a JOIN occupancy b ON a.resource = b.resource AND a.booking < b.booking " +
            $"WHERE a.occupies = 1 AND b.occupies = 1 AND {string.Format(start, "a")} < {string.Format(end, "b")} AND {string.Format(start, "b")} < {string.Format(end, "a")}");
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Lab.DisposeAsync();

    /// <summary>Microseconds of an hour after <see cref="Hour0"/>, as the store keeps them.</summary>
    public long Micros(double hour) => BattKomp.Lab.Server.Platform.Micros.FromInstant(Hour0 + Duration.FromSeconds(hour * 3600));

    private Google.Protobuf.WellKnownTypes.Timestamp Stamp(double hour) => BookingTimes.Stamp(Hour0 + Duration.FromSeconds(hour * 3600));
}
