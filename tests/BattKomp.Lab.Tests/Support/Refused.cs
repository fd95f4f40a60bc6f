using BattKomp.Lab.Contracts;
using BattKomp.Lab.V1;
using Google.Rpc;
using Grpc.Core;
using Xunit;

namespace BattKomp.Lab.Tests.Support;

/// <summary>Asserts that a call is refused with one reason, and returns the refusal.</summary>
public static class Refused
{
    /// <summary>The status carries exactly one ErrorInfo, of our domain, with this reason and the status the catalogue says.</summary>
    public static async Task<RpcException> WithAsync(Reason reason, Func<Task> call) => Is(reason, await Assert.ThrowsAsync<RpcException>(call));

    /// <summary>As <see cref="WithAsync"/>, for an error already caught.</summary>
    public static RpcException Is(Reason reason, RpcException e)
    {
        var status = e.GetRpcStatus();
        Assert.True(status is not null, $"no rich status: {e.Status}");
        var info = Assert.Single(status.Details, d => d.Is(ErrorInfo.Descriptor)).Unpack<ErrorInfo>();
        Assert.Equal(ErrorCatalogue.NameOf(reason), info.Reason);
        Assert.Equal(ErrorCatalogue.Domain, info.Domain);
        Assert.Equal(ErrorCatalogue.RuleOf(reason).Status, (int)e.StatusCode);
        return e;
    }

    /// <summary>The malformed fields a FIELDS_INVALID names.</summary>
    public static IReadOnlyList<string> Fields(this RpcException e) => [.. e.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Select(v => v.Field)];
}
