using System.Collections.Concurrent;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Bookings;

/// <summary>
/// A confidential booking full of markers, gone through its whole life, is looked for by outsiders on every surface that speaks of bookings: not one marker, nor its
/// name, holder or organisation shows. A surface that is added is added here.
/// </summary>
public sealed class CanaryTests
{
    private static readonly string[] Outsiders = [TestSeed.Teacher, TestSeed.DoctoralStudent, TestSeed.CourseOwner, TestSeed.Coordinator, TestSeed.LabManager];
    private readonly ConcurrentBag<string> _logged = [];

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task No_surface_shows_an_outsider_a_marker_of_a_confidential_booking()
    {
        await using var lab = await BookingLab.StartAsync("sqlite", configure: b => b.Services.AddSingleton<ILoggerProvider>(new Logs(_logged)));
        var secret = lab.Wish(10, 4, TestSeed.CyclerChannel(1), TestSeed.CyclerChannel(2), TestSeed.CyclerChannel(3), TestSeed.CyclerChannel(4));
        (secret.Title, secret.Project, secret.Module, secret.Cohort, secret.Allocation) = ("CANARY-title", "CANARY-project", "CANARY-module", "CANARY-cohort", "CANARY-allocation");
        secret.Visibility = new Visibility { Kind = VisibilityKind.Confidential };
        var held = await lab.As(TestSeed.IndustryEngineer).CreateBookingAsync(new CreateBookingRequest { Booking = secret, HoldMinutes = 10 }, cancellationToken: Cancel);
        var made = await lab.As(TestSeed.IndustryEngineer).ConfirmBookingAsync(new ConfirmBookingRequest { Name = held.Name }, cancellationToken: Cancel);
        var changed = await lab.As(TestSeed.IndustryEngineer).ChangeBookingAsync(
            new ChangeBookingRequest { Name = made.Name, Booking = new Booking { Title = "CANARY-renamed" }, UpdateMask = new() { Paths = { "title" } }, Reason = "CANARY-reason" }, cancellationToken: Cancel);

        var markers = new[] { "CANARY", "persons/engineer", "affiliations/engineer", "organisations/company" };
        var shown = new List<string>();
        foreach (var token in Outsiders)
            foreach (var (surface, text) in await SurfacesAsync(lab, token, [held.Name, changed.Name]))
                shown.AddRange(markers.Where(m => text.Contains(m, StringComparison.Ordinal)).Select(m => $"{surface} shows {token} {m}"));
        shown.AddRange(_logged.Where(l => l.Contains("CANARY", StringComparison.Ordinal)).Select(l => "log: " + l));
        // Its own holder sees all of it: the markers are there to be seen.
        Assert.Contains("CANARY-renamed", (await lab.As(TestSeed.IndustryEngineer).GetBookingAsync(new GetBookingRequest { Name = changed.Name }, cancellationToken: Cancel)).ToString());
        Assert.NotEmpty(_logged);
        Assert.Empty(shown);
    }

    private static async Task<List<(string Surface, string Text)>> SurfacesAsync(BookingLab lab, string token, string[] names)
    {
        var invoker = lab.Lab.As(token);
        var (bookings, available, waits) = (new BookingService.BookingServiceClient(invoker), new AvailabilityService.AvailabilityServiceClient(invoker), new WaitService.WaitServiceClient(invoker));
        var texts = new List<(string, string)>();
        async Task AskAsync<T>(string surface, Func<AsyncUnaryCall<T>> call) where T : IMessage<T>
        {
            try
            {
                texts.Add((surface, JsonFormatter.Default.Format(await call())));
            }
            catch (RpcException e)
            {
                texts.Add((surface, e.ToString() + string.Join(";", e.Trailers.Select(t => t.IsBinary ? System.Text.Encoding.UTF8.GetString(t.ValueBytes) : t.Value)) + e.GetRpcStatus()));
            }
        }

        await AskAsync("calendar", () => bookings.ListBookingsAsync(new ListBookingsRequest { Window = lab.Window(0, 40), IncludeEnded = true }, cancellationToken: Cancel));
        foreach (var name in names)
        {
            await AskAsync("get", () => bookings.GetBookingAsync(new GetBookingRequest { Name = name }, cancellationToken: Cancel));
            await AskAsync("cancel", () => bookings.CancelBookingAsync(new CancelBookingRequest { Name = name }, cancellationToken: Cancel));
            await AskAsync("change", () => bookings.ChangeBookingAsync(new ChangeBookingRequest { Name = name, Booking = new Booking { Title = "x" }, UpdateMask = new() { Paths = { "title" } } }, cancellationToken: Cancel));
            await AskAsync("approve", () => bookings.ApproveBookingAsync(new ApproveBookingRequest { Name = name }, cancellationToken: Cancel));
        }
        var over = lab.Wish(9, 6, TestSeed.CyclerChannel(1));
        await AskAsync("refusal", () => bookings.CreateBookingAsync(new CreateBookingRequest { Booking = over }, cancellationToken: Cancel));
        await AskAsync("any", () => bookings.CreateBookingAsync(new CreateBookingRequest { Booking = Without(over), Any = { new BookingPart { Count = 4 } } }, cancellationToken: Cancel));
        await AskAsync("outage", () => bookings.CreateOutageAsync(new CreateOutageRequest { Outage = new Outage { Resources = { TestSeed.CyclerRig }, Window = lab.Window(9, 6), Why = "check" } }, cancellationToken: Cancel));
        await AskAsync("approvals", () => bookings.ListApprovalsAsync(new ListApprovalsRequest(), cancellationToken: Cancel));
        var search = new SearchAvailabilityRequest { Count = 4, LengthMinutes = 240, Within = lab.Window(10, 3) };
        await AskAsync("near misses", () => available.SearchAvailabilityAsync(search, cancellationToken: Cancel));
        await AskAsync("taken", () => available.ListTakenAsync(new ListTakenRequest { Within = lab.Window(0, 40) }, cancellationToken: Cancel));
        using (var watch = available.WatchAvailability(new WatchAvailabilityRequest { Search = search }, cancellationToken: Cancel))
        {
            Assert.True(await watch.ResponseStream.MoveNext(Cancel));
            texts.Add(("watch", watch.ResponseStream.Current.ToString()));
        }
        await AskAsync("wait", () => waits.JoinWaitListAsync(new JoinWaitListRequest { Search = search, Booking = Without(lab.Wish(0, 1)) }, cancellationToken: Cancel));
        await AskAsync("waits", () => waits.ListWaitsAsync(new ListWaitsRequest(), cancellationToken: Cancel));
        await AskAsync("fair share", () => new SharingService.SharingServiceClient(invoker).ExplainShareAsync(new ExplainShareRequest(), cancellationToken: Cancel));
        await AskAsync("policies", () => new PolicyService.PolicyServiceClient(invoker).ExplainPolicyAsync(new ExplainPolicyRequest { Resource = TestSeed.CyclerRig }, cancellationToken: Cancel));
        await AskAsync("notices", () => new NotificationService.NotificationServiceClient(invoker).ListNotificationsAsync(new ListNotificationsRequest(), cancellationToken: Cancel));
        await AskAsync("usage", () => new UsageService.UsageServiceClient(invoker).ListUsageSnapshotsAsync(new ListUsageSnapshotsRequest(), cancellationToken: Cancel));
        using var http = lab.Lab.HttpAs(token);
        foreach (var path in new[] { "/", $"/v1/{names[^1]}", $"/v1/bookings?window.start={Rest(lab.Window(0, 1).Start)}&window.end={Rest(lab.Window(40, 1).Start)}" })
        {
            using var response = await http.GetAsync(path, Cancel);
            texts.Add(("http " + path, await response.Content.ReadAsStringAsync(Cancel)));
        }
        var feed = await new FeedService.FeedServiceClient(invoker).CreateFeedAsync(new CreateFeedRequest { Of = TestSeed.CyclerRig }, cancellationToken: Cancel);
        using var ics = await http.GetAsync(new Uri(feed.Url).PathAndQuery, Cancel);
        texts.Add(("feed", await ics.Content.ReadAsStringAsync(Cancel)));
        return texts;
    }

    private static Booking Without(Booking wish)
    {
        wish.Channels.Clear();
        wish.Window = null;
        return wish;
    }

    private static string Rest(Google.Protobuf.WellKnownTypes.Timestamp stamp) => Uri.EscapeDataString(stamp.ToDateTimeOffset().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture));

    private sealed class Logs(ConcurrentBag<string> lines) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => lines.Add($"{formatter(state, exception)} {exception}");

        public void Dispose()
        {
        }
    }
}
