using System.Diagnostics;
using BattKomp.Lab.Server.Platform.Access;
using BattKomp.Lab.V1;
using BattKomp.Lab.Telemetry;
using Grpc.Core;
using Grpc.Core.Interceptors;

namespace BattKomp.Lab.Server.Platform.Errors;

/// <summary>The one gate of every gRPC and REST call: who calls, may they, and how a refusal or a bug looks on the wire.</summary>
public sealed class CallInterceptor(CallerResolver callers, Policy policy, ILogger<CallInterceptor> log) : Interceptor
{
    /// <inheritdoc/>
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        Guard(context, () => continuation(request, context));

    /// <inheritdoc/>
    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        Guard(context, async () => { await continuation(request, responseStream, context); return true; });

    /// <inheritdoc/>
    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
        Guard(context, () => continuation(requestStream, context));

    /// <inheritdoc/>
    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        Guard(context, async () => { await continuation(requestStream, responseStream, context); return true; });

    private async Task LetInAsync(ServerCallContext context)
    {
        var http = context.GetHttpContext();
        var caller = await callers.ResolveAsync(http, context.CancellationToken) ?? throw LabErrors.Unauthenticated();
        policy.RequireMethod(context.Method, caller);
        http.SetCaller(caller);
    }

    private async Task<T> Guard<T>(ServerCallContext context, Func<Task<T>> call)
    {
        try
        {
            if (!Policy.IsOpen(context.Method)) await LetInAsync(context);
            return await call();
        }
        catch (LabException e)
        {
            throw e.ToRpcException();
        }
        catch (StoreUnavailableException e)
        {
            throw LabErrors.StoreUnavailable(e.Message, e).ToRpcException();
        }
        catch (RpcException)
        {
            throw;
        }
        catch (Exception e) when (context.CancellationToken.IsCancellationRequested && e is OperationCanceledException or IOException)
        {
            throw new RpcException(new Status(StatusCode.Cancelled, "The caller went away."));
        }
        catch (Exception e)
        {
            var trace = Activity.Current?.TraceId.ToString() ?? context.GetHttpContext().TraceIdentifier;
            log.LogError(e, "Bug in {Method}, trace {Trace}", context.Method, trace);
            throw new LabException(Reason.InternalError, $"Something is wrong on our side; tell us the trace id {trace}.") { Metadata = { ["trace"] = trace } }.ToRpcException();
        }
    }
}
