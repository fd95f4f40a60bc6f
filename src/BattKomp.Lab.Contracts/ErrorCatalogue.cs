using BattKomp.Lab.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using Status = Google.Rpc.Status;

namespace BattKomp.Lab.Contracts;

/// <summary>How a <see cref="Reason"/> becomes a status and back: the rules stand as options in errors.proto.</summary>
public static class ErrorCatalogue
{
    /// <summary>The domain of every ErrorInfo of this service.</summary>
    public const string Domain = "lab.battkomp.no";

    private static readonly Dictionary<Reason, ReasonRule> Rules = System.Enum.GetValues<Reason>()
        .Where(r => r != Reason.Unspecified)
        .ToDictionary(r => r, RuleFromProto);

    /// <summary>The rule of a reason, from its enum option.</summary>
    public static ReasonRule RuleOf(Reason reason) => Rules[reason];

    /// <summary>The status that carries a reason, its sentence and its typed details.</summary>
    public static Status ToStatus(Reason reason, string message, IReadOnlyDictionary<string, string> metadata, IEnumerable<IMessage> details)
    {
        var info = new ErrorInfo { Reason = NameOf(reason), Domain = Domain };
        foreach (var (key, value) in metadata) info.Metadata[key] = value;
        var status = new Status { Code = Rules[reason].Status, Message = message };
        status.Details.Add(Any.Pack(info));
        foreach (var detail in details) status.Details.Add(Any.Pack(detail));
        return status;
    }

    /// <summary>The reason a failed call carries; null when the peer is not this service.</summary>
    public static ErrorInfo? InfoOf(RpcException exception) => exception.GetRpcStatus()?.GetDetail<ErrorInfo>();

    /// <summary>The name on the wire, e.g. BOOKING_REFUSED.</summary>
    public static string NameOf(Reason reason) =>
        ErrorsReflection.Descriptor.EnumTypes.Single(e => e.ClrType == typeof(Reason)).FindValueByNumber((int)reason).Name;

    private static ReasonRule RuleFromProto(Reason reason) =>
        ErrorsReflection.Descriptor.EnumTypes.Single(e => e.ClrType == typeof(Reason))
            .FindValueByNumber((int)reason).GetOptions()?.GetExtension(ErrorsExtensions.Rule)
        ?? throw new InvalidOperationException($"{reason} has no (rule) in errors.proto.");
}
