using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.V1;
using Grpc.Core;

namespace BattKomp.Lab.Server.Features.Waits;

/// <summary>waits.proto on the wire.</summary>
internal sealed class WaitServiceHandler(WaitList line) : WaitService.WaitServiceBase
{
    /// <inheritdoc/>
    public override Task<Wait> JoinWaitList(JoinWaitListRequest request, ServerCallContext context) => line.JoinAsync(context.Person(), request, context.Method, context.CancellationToken);

    /// <inheritdoc/>
    public override async Task<ListWaitsResponse> ListWaits(ListWaitsRequest request, ServerCallContext context) =>
        new() { Waits = { await line.OfAsync(context.Person(), request.IncludeEnded, context.CancellationToken) } };

    /// <inheritdoc/>
    public override Task<Wait> LeaveWaitList(LeaveWaitListRequest request, ServerCallContext context) => line.LeaveAsync(context.Person(), request, context.Method, context.CancellationToken);
}
