using BattKomp.Lab.Contracts;
using BattKomp.Lab.V1;
using Google.Rpc;
using Grpc.Core;

namespace BattKomp.Lab.Cli.Output;

/// <summary>Why a command did not do what was asked: what people read and machines parse.</summary>
/// <param name="ExitCode">See <see cref="ExitCodes"/>.</param>
/// <param name="Reason">Stable name: a Reason of the server, or one of ours (USAGE, SERVER_UNREACHABLE, HASH_MISMATCH …).</param>
/// <param name="Message">The server's own sentence, or ours.</param>
internal sealed record Failure(int ExitCode, string Reason, string Message)
{
    /// <summary>What would fix it; empty when the message says it.</summary>
    public string Remedy { get; init; } = "";

    /// <summary>Malformed fields.</summary>
    public IReadOnlyList<(string Field, string Description)> Fields { get; init; } = [];

    /// <summary>Broken rules of a booking.</summary>
    public IReadOnlyList<Violation> Violations { get; init; } = [];

    /// <summary>Violations that did not fit into the answer.</summary>
    public int Omitted { get; init; }

    /// <summary>The server's facts for machines; for files: file, line, column.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>The failure behind an exception; null for a bug of ours, which may crash loudly.</summary>
    public static Failure? Of(Exception exception) => exception switch
    {
        CliException e => e.Failure,
        RpcException e => OfCall(e),
        OperationCanceledException => new Failure(ExitCodes.Refused, "CANCELLED", "Stopped before it was done."),
        IOException or UnauthorizedAccessException =>
            new Failure(ExitCodes.Unreachable, "FILE_UNUSABLE", exception.Message) { Remedy = "Check the path, its permissions and the free space." },
        _ => null,
    };

    private static Failure OfCall(RpcException e)
    {
        if (e.GetRpcStatus() is not { } status || status.GetDetail<ErrorInfo>() is not { } info) return OfTransport(e);
        var refusal = status.GetDetail<Refusal>();
        return new Failure(CodeOf(info.Reason), info.Reason, status.Message)
        {
            Remedy = RemedyOf(refusal),
            Fields = status.GetDetail<BadRequest>()?.FieldViolations.Select(f => (f.Field, f.Description)).ToList() ?? [],
            Violations = refusal?.Violations.ToList() ?? [],
            Omitted = refusal?.Omitted ?? 0,
            Metadata = info.Metadata.ToDictionary(),
        };
    }

    private static Failure OfTransport(RpcException e) => e.StatusCode switch
    {
        StatusCode.Cancelled => new Failure(ExitCodes.Refused, "CANCELLED", "Stopped before it was done."),
        StatusCode.DeadlineExceeded => new Failure(ExitCodes.Unreachable, "SERVER_UNREACHABLE", "The server did not answer in time.")
        {
            Remedy = "Try again; if it stays silent, check the address and the server's log.",
        },
        StatusCode.Unavailable => new Failure(ExitCodes.Unreachable, "SERVER_UNREACHABLE", "The server cannot be reached.")
        {
            Remedy = "Check --server (or BATTLAB_SERVER) and that the server runs; gRPC has its own port, 5081 by default.",
        },
        _ => new Failure(ExitCodes.Unreachable, "SERVER_UNREACHABLE", $"What answers there is not this service ({e.StatusCode}).")
        {
            Remedy = "Use the server's gRPC address; the web page's port does not speak gRPC.",
        },
    };

    private static int CodeOf(string reason)
    {
        var known = System.Enum.GetValues<Reason>().FirstOrDefault(r => r != Lab.V1.Reason.Unspecified && ErrorCatalogue.NameOf(r) == reason);
        var ours = known == Lab.V1.Reason.InternalError || (known != Lab.V1.Reason.Unspecified && ErrorCatalogue.RuleOf(known).Retriable);
        return ours ? ExitCodes.Unreachable : ExitCodes.Refused;
    }

    /// <summary>One window that mends every violation is a remedy; several windows are shown at their violations.</summary>
    private static string RemedyOf(Refusal? refusal)
    {
        if (refusal is null || refusal.Violations.Count == 0 || refusal.Violations.Any(v => v.Nearest is null)) return "";
        var latest = refusal.Violations.MaxBy(v => v.Nearest.Start.ToDateTimeOffset())!.Nearest;
        return $"Try --start {TimeText.Utc(latest.Start)} --end {TimeText.Utc(latest.End)}";
    }
}
