using BattKomp.Lab.V1;
using Google.Rpc;
using Grpc.Core;

namespace BattKomp.Lab.Server.Web;

/// <summary>A refusal as the page shows it: the same sentence and the same facts as the CLI.</summary>
/// <param name="Reason">Name of the Reason, e.g. WRONG_STATE.</param>
/// <param name="Message">The sentence.</param>
/// <param name="Violations">Broken rules, when it is a booking's refusal.</param>
public sealed record Refused(string Reason, string Message, IReadOnlyList<Violation> Violations)
{
    /// <summary>What a failed call carries.</summary>
    public static Refused Of(RpcException e)
    {
        var status = e.GetRpcStatus();
        return new Refused(status?.GetDetail<ErrorInfo>()?.Reason ?? e.StatusCode.ToString(), status?.Message ?? e.Status.Detail, status?.GetDetail<Refusal>()?.Violations.ToList() ?? []);
    }

    /// <summary>The answer, or the refusal in its place.</summary>
    public static async Task<(T? Answer, Refused? Refusal)> OrAsync<T>(Task<T> call) where T : class
    {
        try
        {
            return (await call, null);
        }
        catch (RpcException e)
        {
            return (null, Of(e));
        }
    }
}
