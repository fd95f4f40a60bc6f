using BattKomp.Lab.Contracts;
using BattKomp.Lab.V1;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Rpc;
using Grpc.Core;

namespace BattKomp.Lab.Server.Platform.Errors;

/// <summary>A refusal on its way to the wire. Thrown by handlers, turned into a status in one place, <see cref="CallInterceptor"/>.</summary>
public sealed class LabException(Reason reason, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Why; decides the status.</summary>
    public Reason Reason { get; } = reason;

    /// <summary>Facts for machines, e.g. the state found.</summary>
    public Dictionary<string, string> Metadata { get; } = [];

    /// <summary>Typed details beside the ErrorInfo.</summary>
    public List<IMessage> Details { get; } = [];

    /// <summary>Knows every detail that an error of ours may carry; without it JSON cannot show them.</summary>
    public static TypeRegistry DetailTypes { get; } = TypeRegistry.FromFiles(ErrorDetailsReflection.Descriptor, ErrorsReflection.Descriptor);

    private static readonly JsonFormatter Json = new(JsonFormatter.Settings.Default.WithTypeRegistry(DetailTypes));

    /// <summary>The status on the wire.</summary>
    public RpcException ToRpcException() => ErrorCatalogue.ToStatus(Reason, Message, Metadata, Details).ToRpcException();

    /// <summary>The same status as REST shows it, for plain HTTP addresses beside the contract.</summary>
    public string ToJson() => Json.Format(ErrorCatalogue.ToStatus(Reason, Message, Metadata, Details));
}

/// <summary>The named refusals that every slice shares; a slice's own stand beside its service.</summary>
public static class LabErrors
{
    /// <summary>No token, or one that nobody issued.</summary>
    public static LabException Unauthenticated() =>
        new(Reason.TokenMissingOrUnknown, "No valid token came with the call. Send 'authorization: Bearer <token>' with a token issued for you.");

    /// <summary>Known, but not allowed.</summary>
    public static LabException NotAllowed(string what, string remedy) => new(Reason.NotAllowed, $"You may not {what}. {remedy}");

    /// <summary>Absent or hidden: the two look alike.</summary>
    public static LabException NotFound(string name) =>
        new(Reason.ResourceNotFound, $"'{name}' does not exist, or you may not see it. Check the name with the list call.") { Metadata = { ["name"] = name } };

    /// <summary>A transition refused from the state found.</summary>
    public static LabException WrongState(string name, string state, string allowed) =>
        new(Reason.WrongState, $"'{name}' is {state}; this is possible only from {allowed}.")
        {
            Metadata = { ["name"] = name, ["state"] = state, ["allowed"] = allowed },
        };

    /// <summary>An id that is taken.</summary>
    public static LabException Exists(string name) =>
        new(Reason.ResourceExists, $"'{name}' exists already. Choose another id.") { Metadata = { ["name"] = name } };

    /// <summary>Somebody changed it meanwhile.</summary>
    public static LabException EtagStale(string name) =>
        new(Reason.EtagStale, $"'{name}' has changed since you read it. Read it again and decide again.") { Metadata = { ["name"] = name } };

    /// <summary>The same request_id with other content.</summary>
    public static LabException RequestIdReused(string requestId) =>
        new(Reason.RequestIdReused, $"request_id '{requestId}' was used before with other content. Use a fresh one for a new request.");

    /// <summary>Nothing was stored; trying again may help.</summary>
    public static LabException StoreUnavailable(string why, Exception? inner = null) =>
        new(Reason.StoreUnavailable, $"Nothing was stored: {why}.", inner);

    /// <summary>Malformed fields, all at once.</summary>
    public static LabException FieldsInvalid(IEnumerable<(string Field, string Description)> fields)
    {
        var bad = new BadRequest();
        bad.FieldViolations.AddRange(fields.Select(f => new BadRequest.Types.FieldViolation { Field = f.Field, Description = f.Description }));
        var text = string.Join(" ", bad.FieldViolations.Select(v => $"{v.Field}: {v.Description}"));
        return new LabException(Reason.FieldsInvalid, text) { Details = { bad } };
    }
}

/// <summary>Collects malformed fields and throws them all at once.</summary>
public sealed class FieldChecks
{
    private readonly List<(string, string)> _bad = [];

    /// <summary>Notes a mistake unless <paramref name="ok"/>.</summary>
    public FieldChecks Require(bool ok, string field, string description)
    {
        if (!ok) _bad.Add((field, description));
        return this;
    }

    /// <summary>The mistakes noted, as sentences.</summary>
    public IReadOnlyList<string> Mistakes => [.. _bad.Select(b => $"{b.Item1}: {b.Item2}")];

    /// <summary>True while nothing is wrong.</summary>
    public bool Ok => _bad.Count == 0;

    /// <exception cref="LabException">FIELDS_INVALID with every mistake noted.</exception>
    public void ThrowIfAny()
    {
        if (_bad.Count > 0) throw LabErrors.FieldsInvalid(_bad);
    }
}
