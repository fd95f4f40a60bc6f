using BattKomp.Lab.Server.Platform.Errors;
using BattKomp.Lab.V1;
using Grpc.Core;

namespace BattKomp.Lab.Server.Web;

/// <summary>
/// The page's only way to data and deeds: the same handlers behind the same gate as gRPC and REST, called in this process.
/// A refusal is the same <see cref="RpcException"/> that goes over the wire.
/// </summary>
public sealed class PageCalls(
    IHttpContextAccessor http, CallInterceptor gate, LabService.LabServiceBase labs, BookingService.BookingServiceBase bookings, RunService.RunServiceBase runs,
    IncidentService.IncidentServiceBase incidents)
{
    /// <summary>Who is signed in.</summary>
    public Task<Person> WhoAmI() => Call("LabService/WhoAmI", new WhoAmIRequest(), labs.WhoAmI);

    /// <summary>The first 200 labs.</summary>
    public async Task<IReadOnlyList<V1.Lab>> Labs() =>
        (await Call("LabService/ListLabs", new ListLabsRequest { PageSize = 200 }, labs.ListLabs)).Labs;

    /// <summary>The first 200 rigs.</summary>
    public async Task<IReadOnlyList<Rig>> Rigs() =>
        (await Call("LabService/ListRigs", new ListRigsRequest { PageSize = 200 }, labs.ListRigs)).Rigs;

    /// <summary>Bookings and outages that overlap a window, at most 500.</summary>
    public Task<ListBookingsResponse> Bookings(TimeWindow window) =>
        Call("BookingService/ListBookings", new ListBookingsRequest { Window = window, PageSize = 500 }, bookings.ListBookings);

    /// <summary>One booking.</summary>
    public Task<Booking> Booking(string name) => Call("BookingService/GetBooking", new GetBookingRequest { Name = name }, bookings.GetBooking);

    /// <summary>Frees a booking's time.</summary>
    public Task<Booking> Cancel(string name, string reason, string requestId) =>
        Call("BookingService/CancelBooking", new CancelBookingRequest { Name = name, Reason = reason, RequestId = requestId }, bookings.CancelBooking);

    /// <summary>Runs that are not over, at most 100.</summary>
    public async Task<IReadOnlyList<Run>> ActiveRuns() =>
        (await Call("RunService/ListRuns", new ListRunsRequest { ActiveOnly = true, PageSize = 100 }, runs.ListRuns)).Runs;

    /// <summary>One run.</summary>
    public Task<Run> Run(string name) => Call("RunService/GetRun", new GetRunRequest { Name = name }, runs.GetRun);

    /// <summary>Incidents that wait for a release, at most 50; none for who has no role at a lab.</summary>
    public async Task<IReadOnlyList<Incident>> OpenIncidents() =>
        (await Refused.OrAsync(Call("IncidentService/ListIncidents", new ListIncidentsRequest { OpenOnly = true }, incidents.ListIncidents))).Answer?.Incidents ?? [];

    /// <summary>What happened in a run beside its records, the first 1000.</summary>
    public async Task<IReadOnlyList<LoggedEvent>> Events(string run) =>
        (await Call("RunService/ListRunEvents", new ListRunEventsRequest { Name = run, PageSize = 1000 }, runs.ListRunEvents)).Events;

    /// <summary>The server's account of a run.</summary>
    public Task<Completeness> Completeness(string run) => Call("RunService/GetCompleteness", new GetCompletenessRequest { Name = run }, runs.GetCompleteness);

    /// <summary>Stops a run; waits ten seconds for the agent.</summary>
    public Task<StopResult> Stop(string run, StopMode mode, string reason, string requestId) =>
        Call("RunService/StopRun", new StopRunRequest { Name = run, Mode = mode, Reason = reason, WaitSeconds = 10, RequestId = requestId }, runs.StopRun);

    private Task<TResponse> Call<TRequest, TResponse>(string method, TRequest request, UnaryServerMethod<TRequest, TResponse> handler)
        where TRequest : class where TResponse : class =>
        gate.UnaryServerHandler(request, new PageCallContext("/battkomp.lab.v1." + method, http.HttpContext!), handler);
}
